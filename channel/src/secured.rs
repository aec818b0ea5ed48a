//! A network under TLS, and the files that it stands on, looked at again and again.

use std::io;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use model::time::Clock;
use proto::transport::{BoxFuture, Listener, Network, Stream};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::TlsConnector;

use crate::accept::Accepting;
use crate::files::{FileError, Files, Material, unix_time};
use crate::names::certificate_of;
use crate::open::{Connections, Shown};

/// How the files are kept up with.
pub struct Settings {
    pub files: Files,
    /// Between two looks at the files.
    pub look_every: Duration,
    pub clock: Arc<dyn Clock>,
}

/// What both directions of a side share.
pub(crate) struct Side {
    settings: Settings,
    material: RwLock<Arc<Material>>,
    pub connections: Connections,
}

impl Side {
    pub fn material(&self) -> Arc<Material> {
        self.material.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files anew; what is wrong with them leaves the last good ones in force. Then judges who is connected.
    fn look(&self) {
        let now = self.settings.clock.now();
        match self.settings.files.read(now) {
            Ok(material) if material.digest == self.material().digest => {}
            Ok(material) => {
                *self.material.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(material);
                tracing::info!("certificates and revocation lists were read anew");
            }
            Err(error) => {
                tracing::warn!(%error, "certificates or revocation lists do not read; the last good ones stay")
            }
        }
        let (material, now) = (self.material(), unix_time(now));
        let closed = self.connections.judge(|shown| match shown.chain.split_first() {
            None => false,
            Some((own, rest)) => match &shown.server {
                None => material.of_clients.verify_client_cert(own, rest, now).is_ok(),
                Some(name) => material.of_servers.verify_server_cert(own, rest, name, &[], now).is_ok(),
            },
        });
        if closed > 0 {
            tracing::warn!(closed, "closed connections whose certificates are good no more");
        }
    }
}

/// A network under mutual TLS.
#[derive(Clone)]
pub struct Secured {
    inner: Arc<dyn Network>,
    side: Arc<Side>,
}

impl Secured {
    /// Secures a network with these files and keeps up with them for as long as it is used. Reads them once, blocking; must
    /// be called within a runtime.
    pub fn over(inner: Arc<dyn Network>, settings: Settings) -> Result<Self, FileError> {
        let material = RwLock::new(Arc::new(settings.files.read(settings.clock.now())?));
        let side = Arc::new(Side { settings, material, connections: Connections::default() });
        tokio::spawn(keep_up(Arc::downgrade(&side)));
        Ok(Self { inner, side })
    }

    /// The names of the own certificate.
    pub fn names(&self) -> Vec<String> {
        self.side.material().names.clone()
    }

    async fn connect_as(&self, address: &str, name: Option<&str>) -> io::Result<Box<dyn Stream>> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
        let bad = |error: &dyn std::fmt::Display| io::Error::new(io::ErrorKind::InvalidInput, error.to_string());
        let server = ServerName::try_from(host.to_string()).map_err(|error| bad(&error))?;
        let stream = self.inner.connect(address).await?;
        let connector = TlsConnector::from(self.side.material().client.clone());
        let stream = connector.connect(server.clone(), stream).await?;
        let chain: Vec<CertificateDer<'static>> =
            stream.get_ref().1.peer_certificates().into_iter().flatten().cloned().collect();
        if let Some(name) = name {
            let names = chain.first().and_then(certificate_of).map(|certificate| certificate.names).unwrap_or_default();
            if !names.iter().any(|own| own == name) {
                let text = format!("{address} has the certificate of {}, not of {name}", names.join(", "));
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
            }
        }
        Ok(Box::new(self.side.connections.keep(stream, Shown { chain, server: Some(server) })))
    }
}

impl Network for Secured {
    fn connect<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(self.connect_as(address, None))
    }

    fn connect_to<'a>(&'a self, address: &'a str, name: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(self.connect_as(address, Some(name)))
    }

    fn listen<'a>(&'a self, address: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = self.inner.listen(address).await?;
            Ok(Box::new(Accepting::over(listener, self.side.clone())) as Box<dyn Listener>)
        })
    }
}

/// Looks at the files until nobody uses the network any more. A look that panics, by what somebody else wrote into a list, is
/// one that changed nothing (T33).
async fn keep_up(side: Weak<Side>) {
    loop {
        let Some(pause) = side.upgrade().map(|side| side.settings.look_every) else { return };
        tokio::time::sleep(pause).await;
        let Some(side) = side.upgrade() else { return };
        if let Err(error) = tokio::task::spawn_blocking(move || side.look()).await {
            tracing::error!(%error, "the look at certificates and revocation lists failed");
        }
    }
}

#[cfg(test)]
#[path = "secured_test.rs"]
mod tests;
