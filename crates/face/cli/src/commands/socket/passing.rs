//! What becomes of each connection that comes: it is echoed, or passed on to another server.

use std::sync::Arc;
use std::time::Duration;

use gatepost::model::event::one_line;
use gatepost::net::error::{NetError, Wait};
use gatepost::net::tunnel::tunnel_unless_idle;
use gatepost::socket::connect::Connector;
use gatepost::socket::listen::Listener;
use gatepost::socket::stream::Socket;
use gatepost::tls::server::ServerTls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

use super::facts;
use super::pipe::broken;
use crate::error::CliError;
use crate::ui::Ui;

/// Octets that are sent back at once.
const CHUNK: usize = 16 * 1024;

/// How a connection is taken in.
#[derive(Debug, Clone)]
pub(super) struct Door {
    /// `None` in the clear.
    pub(super) tls: Option<Arc<ServerTls>>,
    /// The protocol in which clients ask for TLS.
    pub(super) starttls: Option<String>,
    /// How long nothing may go either way.
    pub(super) idle: Duration,
    pub(super) verbose: bool,
    pub(super) ui: Ui,
}

/// What becomes of it.
#[derive(Debug)]
pub(super) enum Job {
    /// What comes goes back.
    Echo,
    /// It is passed on to this place.
    Pass {
        /// By this way.
        connector: Connector,
        /// To there.
        to: String,
    },
}

impl Door {
    /// Lets a connection in: with TLS where there is some.
    pub(super) async fn admit(&self, socket: Socket) -> Result<Socket, gatepost::Error> {
        let socket = match (&self.tls, &self.starttls) {
            (Some(tls), Some(protocol)) => socket.accept_starttls(protocol, tls).await?,
            (Some(tls), None) => socket.accept_tls(tls).await?,
            (None, _) => socket,
        };
        if self.verbose {
            facts::tell(socket.info(), self.ui);
        }
        Ok(socket)
    }

    /// Does that job for all who come, so many at once; more wait.
    pub(super) async fn serve(self, listener: Listener, job: Job, at_once: usize) {
        let (places, shared) = (Arc::new(Semaphore::new(at_once)), Arc::new((self, job)));
        let mut count = 0_u64;
        loop {
            // Nobody closes it.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let socket = listener.accept().await;
            count += 1;
            let (shared, number) = (Arc::clone(&shared), count);
            tokio::spawn(async move {
                let (door, job) = &*shared;
                let peer = socket.info().remote;
                match door.work(socket, job).await {
                    Ok((there, back)) if door.verbose => {
                        door.ui.detail(&format!("#{number} {peer}: {there} octets there, {back} back"));
                    }
                    Ok(_) => {}
                    Err(error) => door.ui.note(&one_line(&format!("#{number} {peer}: {error}"))),
                }
                drop(place);
            });
        }
    }

    async fn work(&self, socket: Socket, job: &Job) -> Result<(u64, u64), CliError> {
        let socket = self.admit(socket).await?;
        match job {
            Job::Echo => self.echo(socket).await,
            Job::Pass { connector, to } => {
                let mut onward = connector.connect(to).await?;
                if let Some(protocol) = &self.starttls {
                    // The client has heard our greeting, and does not expect another one.
                    onward.hear_greeting(protocol).await?;
                }
                let carried = tunnel_unless_idle(Box::new(socket), Box::new(onward), self.idle).await;
                Ok(carried.map_err(gatepost::Error::from)?)
            }
        }
    }
    /// Sends back whatever comes.
    async fn echo(&self, mut socket: Socket) -> Result<(u64, u64), CliError> {
        let (mut chunk, mut carried) = (vec![0; CHUNK], 0);
        let late = |_| gatepost::Error::from(NetError::Timeout { what: Wait::Idle, limit: self.idle });
        loop {
            let back = async {
                let count = socket.read(&mut chunk).await?;
                socket.write_all(chunk.get(..count).unwrap_or_default()).await?;
                socket.flush().await?;
                Ok(count)
            };
            let back: Result<usize, std::io::Error> = tokio::time::timeout(self.idle, back).await.map_err(late)?;
            match back.map_err(|error| broken(&error))? {
                0 => break,
                count => carried += u64::try_from(count).unwrap_or(u64::MAX),
            }
        }
        socket.shutdown().await.map_err(|error| broken(&error))?;
        Ok((carried, carried))
    }
}
