//! The network seam: where connections come from. TCP in production, simulated sockets in the simulation; tonic runs over
//! either through the same code.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use model::known_bugs::{KnownBug, planted};
use model::time::UnixMillis;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::{Channel, Endpoint, Uri};

/// Between two signs of life on a connection.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Within this time the other side answers them.
const KEEP_ALIVE_ANSWER: Duration = Duration::from_secs(3);

/// A future that is handed over.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A byte stream in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

/// What the other side of a connection proved of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Its names as text: URIs, mail addresses, user principal names.
    pub names: Vec<String>,
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// Until when it is good.
    pub not_after: UnixMillis,
    /// The policies that it was issued under, as object identifiers.
    pub policies: Vec<String>,
}

/// The other side of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Its address, for logs.
    pub address: String,
    /// None: the network asks for no certificates.
    pub certificate: Option<Arc<Certificate>>,
}

impl Remote {
    /// Somebody who proved nothing.
    pub fn unproven(address: String) -> Self {
        Self { address, certificate: None }
    }
}

/// Connects and listens.
pub trait Network: Send + Sync + 'static {
    /// A connection to `host:port`.
    fn connect<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Stream>>>;
    /// A connection to `host:port`, if who is there has a certificate of this name. A network without certificates takes
    /// whoever is there.
    fn connect_to<'a>(&'a self, address: &'a str, _name: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        self.connect(address)
    }
    /// Listens on `host:port`.
    fn listen<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>>;
}

/// Accepts connections.
pub trait Listener: Send + 'static {
    /// The next connection, with who is on its other side.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn Stream>, Remote)>>;
    /// Where it listens.
    fn address(&self) -> io::Result<String>;
}

/// TCP of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tcp;

impl Network for Tcp {
    fn connect<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = tokio::net::TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn listen<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = tokio::net::TcpListener::bind(address).await?;
            Ok(Box::new(TcpAcceptor(listener)) as Box<dyn Listener>)
        })
    }
}

struct TcpAcceptor(tokio::net::TcpListener);

impl Listener for TcpAcceptor {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn Stream>, Remote)>> {
        Box::pin(async move {
            let (stream, peer) = self.0.accept().await?;
            stream.set_nodelay(true)?;
            Ok((Box::new(stream) as Box<dyn Stream>, Remote::unproven(peer.to_string())))
        })
    }

    fn address(&self) -> io::Result<String> {
        self.0.local_addr().map(|address| address.to_string())
    }
}

/// A gRPC channel over the network, connected when first used and again when it broke; with a name, to nobody whose certificate
/// has another.
pub fn channel(
    network: Arc<dyn Network>,
    address: &str,
    name: Option<String>,
    connect_timeout: Duration,
) -> Result<Channel, tonic::transport::Error> {
    let mut endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .connect_timeout(connect_timeout)
        .tcp_nodelay(true)
        .http2_adaptive_window(false)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20);
    if !planted(KnownBug::DeadConnectionKept) {
        // A connection that carries nothing any more, and of which nobody was told, is noticed and made anew.
        endpoint = endpoint
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE_ANSWER)
            .keep_alive_while_idle(true);
    }
    Ok(endpoint.connect_with_connector_lazy(tower::service_fn(move |uri: Uri| {
        let (network, name) = (network.clone(), name.clone());
        async move {
            let address = uri.authority().map(|authority| authority.to_string()).unwrap_or_default();
            let stream = match &name {
                Some(name) => network.connect_to(&address, name).await,
                None => network.connect(&address).await,
            };
            stream.map(TokioIo::new)
        }
    })))
}

/// An accepted connection, as tonic's server takes it.
pub struct Accepted {
    stream: Box<dyn Stream>,
    remote: Remote,
}

impl Accepted {
    /// Wraps what a listener accepted.
    pub fn new(stream: Box<dyn Stream>, remote: Remote) -> Self {
        Self { stream, remote }
    }
}

impl tonic::transport::server::Connected for Accepted {
    /// Handlers find it among a request's extensions.
    type ConnectInfo = Remote;
    fn connect_info(&self) -> Remote {
        self.remote.clone()
    }
}

impl AsyncRead for Accepted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }
}
