//! Two WebSockets made one: frames end here on both sides, and what they hold goes on while it arrives.
//!
//! | the story | the file |
//! |---|---|
//! | what is agreed and allowed on either side | `terms` |
//! | one side: what came, what waits to be written, how it ends | `side` |
//! | what becomes of what a side says | `passage` |
//! | both ways at once, until both sides have ended | `road` |

mod passage;
pub mod road;
mod side;
pub mod terms;
#[cfg(test)]
mod tests;
