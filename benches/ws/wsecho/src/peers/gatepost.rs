//! Ourselves: `MessageSocket` with its own settings, and the loop that everybody writes. It gathers by itself.

use gatepost_net::websocket::settings::Settings;
use gatepost_net::websocket::socket::MessageSocket;
use gatepost_ws::deflate::agreed::{Agreed, agree};
use gatepost_ws::deflate::config::Config;
use gatepost_ws::handshake::extension::Extension;
use gatepost_ws::role::Role;
use tokio::net::TcpStream;

use crate::handshake::Deflate;

pub fn start(stream: TcpStream, deflate: Deflate) {
    tokio::task::spawn_local(echo(stream, agreed(deflate, Config::default())));
}

/// Compressing as hard as the peers do by themselves.
pub fn start_level6(stream: TcpStream, deflate: Deflate) {
    tokio::task::spawn_local(echo(stream, agreed(deflate, Config { level: 6, ..Config::default() })));
}

async fn echo(stream: TcpStream, deflate: Option<Agreed>) -> Option<()> {
    let mut socket = MessageSocket::new(stream, Role::Server, deflate.as_ref(), Settings::default());
    while let Some(message) = socket.receive().await.ok()? {
        socket.send(message).await.ok()?;
    }
    Some(())
}

fn agreed(deflate: Deflate, config: Config) -> Option<Agreed> {
    let offer = |config: Config| agree(&config, &[Extension { name: "permessage-deflate".into(), parameters: vec![] }]);
    match deflate {
        Deflate::Off => None,
        Deflate::Takeover => offer(config),
        Deflate::Fresh => {
            offer(Config { server_no_context_takeover: true, client_no_context_takeover: true, ..config })
        }
    }
    .map(|(agreed, _)| agreed)
}
