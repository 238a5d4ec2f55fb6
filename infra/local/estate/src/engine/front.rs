//! The stable address of a server: a TCP proxy that outlives restarts and promotions.
//!
//! What a client meets on connecting is what it would meet on AWS: with the security group closed, silence (no packet is
//! answered); with the server dead, a refusal; with the server hung, a connection and no answer.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// A port reserved by a bound socket that never listens: nobody is given it, while another socket may listen there.
pub(super) struct HeldPort {
    /// The port.
    pub(super) number: u16,
    _socket: TcpSocket,
}

impl HeldPort {
    /// Takes a free port of 127.0.0.1.
    pub(super) fn take() -> io::Result<Self> {
        let socket = bound(0)?;
        Ok(Self { number: socket.local_addr()?.port(), _socket: socket })
    }
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn bound(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address(port))?;
    Ok(socket)
}

/// One server's proxy.
pub(super) struct Front {
    port: HeldPort,
    state: Mutex<State>,
    cut: watch::Sender<()>,
}

struct State {
    open: bool,
    backend: Option<u16>,
    door: Door,
}

/// How connection attempts are met.
enum Door {
    /// Nobody listens: refused.
    Refusing,
    /// The listener's queue is full and stays so: the kernel drops what arrives.
    Silent { _listener: TcpListener, _queue: Vec<TcpStream> },
    /// Accepted, and carried to the server.
    Leading(JoinHandle<()>),
}

impl Front {
    /// Takes a port, open but leading nowhere yet.
    pub(super) fn new() -> io::Result<Self> {
        let state = State { open: true, backend: None, door: Door::Refusing };
        Ok(Self { port: HeldPort::take()?, state: Mutex::new(state), cut: watch::Sender::new(()) })
    }

    /// The port clients use.
    pub(super) fn port(&self) -> u16 {
        self.port.number
    }

    /// From now on new connections go to this port, or nowhere.
    pub(super) async fn lead_to(&self, backend: Option<u16>) {
        let mut state = self.state.lock().await;
        state.backend = backend;
        self.hang_door(&mut state).await;
    }

    /// Opens or closes the port. Connections that exist stay: a security group tracks them.
    pub(super) async fn set_open(&self, open: bool) {
        let mut state = self.state.lock().await;
        state.open = open;
        self.hang_door(&mut state).await;
    }

    /// Ends all connections.
    pub(super) fn cut(&self) {
        self.cut.send_replace(());
    }

    async fn hang_door(&self, state: &mut State) {
        if let Door::Leading(task) = std::mem::replace(&mut state.door, Door::Refusing) {
            task.abort();
            // Wait until it has dropped its listener.
            let _ = task.await;
        }
        let door = match (state.open, state.backend) {
            (false, _) => silent(self.port.number).await,
            (true, None) => return,
            (true, Some(backend)) => self.leading(backend),
        };
        match door {
            Ok(door) => state.door = door,
            Err(error) => tracing::error!(%error, port = self.port.number, "cannot listen"),
        }
    }

    fn leading(&self, backend: u16) -> io::Result<Door> {
        let listener = bound(self.port.number)?.listen(128)?;
        Ok(Door::Leading(tokio::spawn(accept(listener, backend, self.cut.subscribe()))))
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Door::Leading(task) = &self.state.get_mut().door {
            task.abort();
        }
    }
}

async fn silent(port: u16) -> io::Result<Door> {
    let listener = bound(port)?.listen(0)?;
    let mut queue = Vec::new();
    // One is enough for a Linux queue of length 0; the first attempt without an answer tells that it is full.
    while let Ok(connection) = timeout(Duration::from_millis(30), TcpStream::connect(address(port))).await {
        queue.push(connection?);
        if queue.len() > 16 {
            break;
        }
    }
    Ok(Door::Silent { _listener: listener, _queue: queue })
}

async fn accept(listener: TcpListener, backend: u16, cut: watch::Receiver<()>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => drop(tokio::spawn(carry(client, backend, cut.clone()))),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

/// Ends with the connection, with a cut, or with the front.
async fn carry(mut client: TcpStream, backend: u16, mut cut: watch::Receiver<()>) {
    let both_ways = async {
        let mut server = TcpStream::connect(address(backend)).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        copy_bidirectional(&mut client, &mut server).await
    };
    tokio::select! {
        _ = both_ways => (),
        _ = cut.changed() => (),
    }
}
