//! A client of the feed, and the ways in which it leaves.

use std::net::{Ipv4Addr, SocketAddr};

use fastrand::Rng;
use futures_util::{SinkExt, StreamExt};
use task_registry_soak::Result;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::http;

/// A TCP connection, from one of 200 loopback addresses: one of them alone would run out of ports.
pub(crate) async fn dial(server: SocketAddr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 0, 1, fastrand::u8(1..=200)), 0).into())?;
    Ok(socket.connect(server).await?)
}

/// How a client leaves.
#[derive(Clone, Copy)]
pub(crate) enum Leave {
    /// With a TCP reset.
    Reset,
    /// Without a word.
    Vanish,
    /// With a closing handshake.
    Handshake,
    /// Its receiver is cancelled over HTTP, which it sees as the server's goodbye.
    Cancel,
    /// Cancelled over HTTP while it sends a reset.
    CancelAndReset,
    /// Leaves, and another is reset before its own handshake is through.
    HalfOpen,
}

impl Leave {
    pub(crate) const ALL: [(Self, &str); 6] = [
        (Self::Reset, "reset"),
        (Self::Vanish, "gone without a word"),
        (Self::Handshake, "closing handshake"),
        (Self::Cancel, "DELETE /tasks/{name}"),
        (Self::CancelAndReset, "DELETE and reset at once"),
        (Self::HalfOpen, "gone, and another reset half-way in"),
    ];
}

pub(crate) struct Client {
    name: String,
    server: SocketAddr,
    socket: WebSocketStream<TcpStream>,
}

impl Client {
    /// Connects and waits to be greeted, so that its receiver is known to run.
    pub(crate) async fn connect(server: SocketAddr) -> Result<Self> {
        // Ours are many as well; the usual buffer is 128 KiB.
        let config = WebSocketConfig::default().read_buffer_size(1024).write_buffer_size(0);
        let stream = dial(server).await?;
        let (mut socket, _) =
            client_async_with_config(format!("ws://{server}/feed"), stream, Some(config)).await?;
        let greeting = socket.next().await.ok_or("no greeting")??;
        let name = greeting.to_text()?.strip_prefix("hello ").ok_or("an odd greeting")?;
        Ok(Self { name: name.to_owned(), server, socket })
    }

    /// Waits for an event of the server's.
    pub(crate) async fn hear(&mut self) -> Result {
        match self.socket.next().await.ok_or("closed between events")?? {
            Message::Text(text) if text == "tick" => Ok(()),
            other => Err(format!("{}: {other:?}", self.name).into()),
        }
    }

    pub(crate) async fn leave(mut self, how: Leave) -> Result {
        match how {
            Leave::Reset => self.socket.get_ref().set_zero_linger()?,
            Leave::Vanish => {}
            Leave::Handshake => {
                self.socket.send(Message::Close(None)).await?;
                while let Some(message) = self.socket.next().await {
                    message?;
                }
            }
            Leave::Cancel => {
                let (status, _) = self.cancel().await?;
                if status != 200 {
                    return Err(format!("DELETE of {}: {status}", self.name).into());
                }
                self.hear_goodbye().await?;
            }
            Leave::CancelAndReset => {
                self.socket.get_ref().set_zero_linger()?;
                let Self { name, server, socket } = self;
                let path = format!("/tasks/{name}");
                let (answer, ()) =
                    tokio::join!(http::send(server, "DELETE", &path), async { drop(socket) });
                // Either may have come first.
                if !matches!(answer?.0, 200 | 404) {
                    return Err(format!("DELETE of {name} failed").into());
                }
            }
            Leave::HalfOpen => {
                let mut stream = dial(self.server).await?;
                let request =
                    format!("GET /feed HTTP/1.1\r\nHost: {}\r\nUpgrade: webso", self.server);
                stream.write_all(&request.as_bytes()[..Rng::new().usize(..request.len())]).await?;
                stream.set_zero_linger()?;
            }
        }
        Ok(())
    }

    async fn cancel(&self) -> Result<(u16, serde_json::Value)> {
        http::send(self.server, "DELETE", &format!("/tasks/{}", self.name)).await
    }

    /// Waits until the server closes the connection, and says why.
    async fn hear_goodbye(&mut self) -> Result {
        let mut goodbye = None;
        while let Some(message) = self.socket.next().await {
            if let Message::Close(Some(frame)) = message? {
                goodbye = Some(frame.reason.to_string());
            }
        }
        match goodbye.as_deref() {
            Some("DELETE /tasks") => Ok(()),
            other => Err(format!("{} was closed because of {other:?}", self.name).into()),
        }
    }
}
