//! A chat as tokio's users write it when speed matters. Each client has a task that reads, a task that writes, and a
//! channel between them and the others; lines come from `BufReader`, all that waits in a channel goes in one write, and
//! everything runs on one thread.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// At most this many lines are in one write.
const BATCH_MAX: usize = 1024;

type Members = Arc<Mutex<HashMap<SocketAddr, mpsc::UnboundedSender<Arc<str>>>>>;

pub fn serve(addr: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind(addr).await.expect("a free port");
        let members = Members::default();
        while let Ok((stream, peer)) = listener.accept().await {
            tokio::spawn(client(stream, peer, members.clone()));
        }
    });
}

async fn client(stream: TcpStream, peer: SocketAddr, members: Members) {
    stream.set_nodelay(true).expect("a socket");
    let (reader, mut writer) = stream.into_split();
    let (sender, mut lines) = mpsc::unbounded_channel::<Arc<str>>();
    members.lock().expect("nobody panics").insert(peer, sender);
    tokio::spawn(async move {
        let mut batch = Vec::new();
        while lines.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let text = batch.drain(..).fold(String::new(), |text, line| text + &line);
            if writer.write_all(text.as_bytes()).await.is_err() {
                break;
            }
        }
    });
    let mut said = BufReader::new(reader).lines();
    while let Ok(Some(text)) = said.next_line().await {
        let line: Arc<str> = format!("<{peer}> {text}\n").into();
        for (other, sender) in members.lock().expect("nobody panics").iter() {
            if *other != peer {
                let _ = sender.send(line.clone());
            }
        }
    }
    members.lock().expect("nobody panics").remove(&peer);
}
