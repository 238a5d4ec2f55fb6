//! The stable address of a server: a TCP proxy that outlives restarts and promotions.
//!
//! What a client meets on connecting is what it would meet on AWS: with the security group closed, silence (no packet is
//! answered); with the server dead, a refusal; with the server hung, a connection and no answer. Behind a group that admits only
//! the prober, others get a connection and no answer, too: on one machine it cannot be told who knocks before he is let in.

use super::caller;
use lifeboat_testing::model::Door as Admits;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// A port reserved by a bound socket that never listens: nobody is given it, while another socket may listen there.
pub(super) struct HeldPort {
    /// The address and port.
    pub(super) address: SocketAddr,
    _socket: TcpSocket,
}

impl HeldPort {
    /// Takes a free port of 127.0.0.1.
    pub(super) fn take() -> io::Result<Self> {
        Self::take_at(address(0))
    }

    fn take_at(address: SocketAddr) -> io::Result<Self> {
        let socket = bound(address)?;
        Ok(Self { address: socket.local_addr()?, _socket: socket })
    }
}

/// The last number of the loopback addresses that servers get; the certificate names them all.
const HOSTS: std::ops::RangeInclusive<u8> = 2..=250;

/// Every loopback address that a server may get.
pub(super) fn hosts() -> impl Iterator<Item = Ipv4Addr> {
    HOSTS.map(|host| Ipv4Addr::new(127, 0, 0, host))
}

/// Hands out addresses: as on AWS, servers differ in their host and share their port.
pub(super) struct Addresses {
    /// Keeps the port ours on 127.0.0.1, so that nobody is given it.
    port: HeldPort,
    next: std::sync::Mutex<std::ops::RangeInclusive<u8>>,
}

impl Addresses {
    /// Chooses the port.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { port: HeldPort::take()?, next: std::sync::Mutex::new(HOSTS) })
    }

    /// An address that was never handed out.
    fn take(&self) -> io::Result<HeldPort> {
        let mut next = self.next.lock().map_err(|_| io::Error::other("poisoned"))?;
        let mut last = io::Error::other("all loopback addresses were given away");
        for host in next.by_ref() {
            match HeldPort::take_at((Ipv4Addr::new(127, 0, 0, host), self.port.address.port()).into()) {
                Ok(held) => return Ok(held),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// One server's proxy.
pub(super) struct Front {
    port: HeldPort,
    state: Mutex<State>,
    cut: watch::Sender<()>,
}

struct State {
    admits: Admits,
    backend: Option<SocketAddr>,
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
    /// Takes an address of its own, open but leading nowhere yet.
    pub(super) fn new(addresses: &Addresses) -> io::Result<Self> {
        let state = State { admits: Admits::Open, backend: None, door: Door::Refusing };
        Ok(Self { port: addresses.take()?, state: Mutex::new(state), cut: watch::Sender::new(()) })
    }

    /// The address and port clients use.
    pub(super) fn address(&self) -> SocketAddr {
        self.port.address
    }

    /// The same port on another loopback address of its own number, for a server that must listen on the port that it tells clients.
    pub(super) fn behind(&self) -> SocketAddr {
        let host = match self.port.address {
            SocketAddr::V4(address) => address.ip().octets()[3],
            SocketAddr::V6(_) => 0,
        };
        (Ipv4Addr::new(127, 0, 1, host), self.port.address.port()).into()
    }

    /// From now on new connections go to this port, or nowhere.
    pub(super) async fn lead_to(&self, backend: Option<u16>) {
        self.lead_to_address(backend.map(address)).await;
    }

    /// The same of an address.
    pub(super) async fn lead_to_address(&self, backend: Option<SocketAddr>) {
        let mut state = self.state.lock().await;
        if state.backend == backend {
            return;
        }
        state.backend = backend;
        self.hang_door(&mut state).await;
    }

    /// Says whom the port lets in. Connections that exist stay: a security group tracks them.
    pub(super) async fn set_door(&self, admits: Admits) {
        let mut state = self.state.lock().await;
        if state.admits == admits {
            return;
        }
        state.admits = admits;
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
        let door = match (state.admits, state.backend) {
            (Admits::Closed, _) => silent(self.port.address).await,
            (Admits::Open | Admits::Prober, None) => return,
            (admits, Some(backend)) => self.leading(backend, admits),
        };
        match door {
            Ok(door) => state.door = door,
            Err(error) => tracing::error!(%error, address = %self.port.address, "cannot listen"),
        }
    }

    fn leading(&self, backend: SocketAddr, admits: Admits) -> io::Result<Door> {
        let listener = bound(self.port.address)?.listen(128)?;
        Ok(Door::Leading(tokio::spawn(accept(listener, (backend, admits), self.cut.subscribe()))))
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        if let Door::Leading(task) = &self.state.get_mut().door {
            task.abort();
        }
    }
}

async fn silent(address: SocketAddr) -> io::Result<Door> {
    let listener = bound(address)?.listen(0)?;
    let mut queue = Vec::new();
    // One is enough for a Linux queue of length 0; the first attempt without an answer tells that it is full.
    while let Ok(connection) = timeout(Duration::from_millis(30), TcpStream::connect(address)).await {
        queue.push(connection?);
        if queue.len() > 16 {
            break;
        }
    }
    Ok(Door::Silent { _listener: listener, _queue: queue })
}

async fn accept(listener: TcpListener, (backend, admits): (SocketAddr, Admits), mut cut: watch::Receiver<()>) {
    loop {
        let accepted = listener.accept().await;
        // What was cut before it came is none of its business.
        cut.mark_unchanged();
        match accepted {
            Ok((client, _)) if admits == Admits::Prober => drop(tokio::spawn(carry_prober(client, backend, cut.clone()))),
            Ok((client, _)) => drop(tokio::spawn(carry(client, backend, cut.clone()))),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

/// Carries the prober; nobody answers anybody else, not even after the door is opened: his packets were dropped.
async fn carry_prober(mut client: TcpStream, backend: SocketAddr, mut cut: watch::Receiver<()>) {
    let ends = client.peer_addr().and_then(|theirs| Ok((theirs, client.local_addr()?)));
    let is_prober = match ends {
        Ok((theirs, ours)) => tokio::task::spawn_blocking(move || caller::is_prober(theirs, ours)).await.unwrap_or(false),
        Err(_) => false,
    };
    if is_prober {
        return carry(client, backend, cut).await;
    }
    tokio::select! {
        _ = swallow(&mut client) => (),
        _ = cut.changed() => (),
    }
}

/// Reads on until the other end gives up.
async fn swallow(client: &mut TcpStream) -> io::Result<()> {
    let mut nowhere = tokio::io::sink();
    copy(client, &mut nowhere).await.map(|_| ())
}

/// Ends with the connection, with a cut, or with the front.
async fn carry(mut client: TcpStream, backend: SocketAddr, mut cut: watch::Receiver<()>) {
    let both_ways = async {
        let mut server = TcpStream::connect(backend).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        copy_bidirectional(&mut client, &mut server).await
    };
    tokio::select! {
        _ = both_ways => (),
        _ = cut.changed() => (),
    }
}
