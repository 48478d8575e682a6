//! The gatepost crate. Its content arrives in this issue.
pub use gatepost_auth as auth;
pub use gatepost_http as http1;
pub use gatepost_model as model;
pub use gatepost_net as net;
pub use gatepost_policy as policy;
pub use gatepost_store as store;
pub use gatepost_tls as tls;
pub use gatepost_ws as ws;
