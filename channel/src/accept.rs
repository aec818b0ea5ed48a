//! Accepting: each handshake in a task of its own, within its time, so that whoever is slow or speaks nonsense holds up nobody
//! and takes no listener down (T33).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use proto::transport::{BoxFuture, Listener, Remote, Stream};
use rustls::pki_types::CertificateDer;
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;

use crate::names::certificate_of;
use crate::open::Shown;
use crate::secured::Side;

/// A handshake may take so long.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes under way at most; more connections wait in the system's queue.
const HANDSHAKES_MAX: usize = 1_024;
/// Connections that wait to be served.
const ACCEPTED_MAX: usize = 64;
/// After a failure to accept.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections whose other side proved who it is.
pub(crate) struct Accepting {
    address: Result<String, String>,
    accepted: mpsc::Receiver<(Box<dyn Stream>, Remote)>,
}

impl Accepting {
    /// Accepts from a listener until this is dropped.
    pub fn over(listener: Box<dyn Listener>, side: Arc<Side>) -> Self {
        let address = listener.address().map_err(|error| error.to_string());
        let (sender, accepted) = mpsc::channel(ACCEPTED_MAX);
        tokio::spawn(accept(listener, side, sender));
        Self { address, accepted }
    }
}

impl Listener for Accepting {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(Box<dyn Stream>, Remote)>> {
        Box::pin(async move {
            let gone = || io::Error::new(io::ErrorKind::NotConnected, "nothing is accepted any more");
            self.accepted.recv().await.ok_or_else(gone)
        })
    }

    fn address(&self) -> io::Result<String> {
        self.address.clone().map_err(io::Error::other)
    }
}

async fn accept(mut listener: Box<dyn Listener>, side: Arc<Side>, accepted: mpsc::Sender<(Box<dyn Stream>, Remote)>) {
    let places = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let next = tokio::select! {
            () = accepted.closed() => return,
            next = listener.accept() => next,
        };
        let (stream, remote) = match next {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (side, accepted) = (side.clone(), accepted.clone());
        tokio::spawn(async move {
            let address = remote.address.clone();
            match tokio::time::timeout(HANDSHAKE, shake(&side, stream, remote)).await {
                Ok(Ok(connection)) => {
                    drop(place);
                    // The node stops: nobody is served any more.
                    let _ = accepted.send(connection).await;
                }
                Ok(Err(error)) => tracing::info!(%address, %error, "refused a connection"),
                Err(_) => tracing::info!(%address, "refused a connection: no handshake in time"),
            }
        });
    }
}

async fn shake(side: &Side, stream: Box<dyn Stream>, remote: Remote) -> io::Result<(Box<dyn Stream>, Remote)> {
    // The newest files for each handshake.
    let acceptor = TlsAcceptor::from(side.material().server.clone());
    let stream = acceptor.accept(stream).await?;
    let nobody = || io::Error::new(io::ErrorKind::InvalidData, "the certificate does not read");
    let chain: Vec<CertificateDer<'static>> =
        stream.get_ref().1.peer_certificates().ok_or_else(nobody)?.iter().map(|one| one.clone().into_owned()).collect();
    let certificate = chain.first().and_then(certificate_of).ok_or_else(nobody)?;
    let guarded = side.connections.keep(stream, Shown { chain, server: None });
    Ok((Box::new(guarded), Remote { certificate: Some(Arc::new(certificate)), ..remote }))
}
