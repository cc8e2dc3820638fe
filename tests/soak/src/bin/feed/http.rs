//! As much HTTP as the load needs: one request a connection.

use std::net::SocketAddr;

use serde_json::Value;
use task_registry_soak::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::dial;

/// Sends a request without a body, and returns the status and what was answered.
pub(crate) async fn send(server: SocketAddr, method: &str, path: &str) -> Result<(u16, Value)> {
    let mut stream = dial(server).await?;
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8(answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("half an answer")?;
    let status = head.split(' ').nth(1).ok_or("no status")?.parse()?;
    Ok((status, serde_json::from_str(body)?))
}

/// The server's tasks: how many live, and how many records there are of ended ones.
pub(crate) async fn tasks(server: SocketAddr) -> Result<(usize, usize)> {
    let (status, list) = send(server, "GET", "/tasks").await?;
    let list = list.as_array().filter(|_| status == 200).ok_or("GET /tasks: no list")?;
    let ended = list.iter().filter(|task| task["state"] == "ended").count();
    Ok((list.len() - ended, ended))
}
