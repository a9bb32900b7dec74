//! A chat the way tokio's users write it: a task for each client, a channel to each, lines by `BufReader`, on one thread.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

type Room = Arc<Mutex<HashMap<SocketAddr, mpsc::UnboundedSender<Arc<str>>>>>;

pub fn serve(addr: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind(addr).await.expect("a free port");
        let room = Room::default();
        while let Ok((stream, peer)) = listener.accept().await {
            tokio::spawn(client(stream, peer, room.clone()));
        }
    });
}

async fn client(stream: TcpStream, peer: SocketAddr, room: Room) {
    stream.set_nodelay(true).expect("a socket");
    let (reader, mut writer) = stream.into_split();
    let (sender, mut lines) = mpsc::unbounded_channel::<Arc<str>>();
    room.lock().expect("nobody panics").insert(peer, sender);
    tokio::spawn(async move {
        while let Some(line) = lines.recv().await {
            if writer.write_all(line.as_bytes()).await.is_err() {
                break;
            }
        }
    });
    let mut said = BufReader::new(reader).lines();
    while let Ok(Some(text)) = said.next_line().await {
        let line: Arc<str> = format!("<{peer}> {text}\n").into();
        for (other, sender) in room.lock().expect("nobody panics").iter() {
            if *other != peer {
                let _ = sender.send(line.clone());
            }
        }
    }
    room.lock().expect("nobody panics").remove(&peer);
}
