//! Sockets: TCP connections with TLS from the first octet, from the middle of a conversation, or not at all.
//!
//! A [`Connector`](connect::Connector) opens them, a [`Listener`](listen::Listener) takes them; both give a
//! [`Socket`](stream::Socket), which reads and writes octets and knows what stands behind it.
//!
//! ```no_run
//! use gatepost::socket::connect::Connector;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let connector = Connector::builder().build()?;
//! // TLS from the first octet.
//! let mut socket = connector.connect("imap.example.com:imaps").await?;
//! socket.write_all(b"a LOGOUT\r\n").await?;
//! socket.flush().await?;
//! socket.read_to_end(&mut Vec::new()).await?;
//! // TLS once the server has agreed, and nothing of what was in the clear behind it.
//! let socket = connector.connect_plain("mail.example.com:submission").await?.starttls("smtp").await?;
//! println!("{:?}", socket.info().tls.as_ref().map(|tls| tls.suite));
//! # Ok(())
//! # }
//! ```

pub mod connect;
pub mod info;
pub mod listen;
pub mod protection;
pub mod stream;
pub mod upgrade;
