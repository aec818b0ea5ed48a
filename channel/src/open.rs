//! Connections that are open, so that those of a certificate that was revoked since are closed.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Who is on the other side of an open connection.
pub(crate) struct Shown {
    pub chain: Vec<CertificateDer<'static>>,
    /// How the server was addressed; None: the other side is the client.
    pub server: Option<ServerName<'static>>,
}

#[derive(Default)]
struct Kept {
    next: u64,
    open: BTreeMap<u64, (Arc<Shown>, CancellationToken)>,
}

/// All open connections of a side.
#[derive(Clone, Default)]
pub(crate) struct Connections(Arc<Mutex<Kept>>);

impl Connections {
    /// Keeps a connection until it is dropped.
    pub fn keep<S>(&self, stream: S, shown: Shown) -> Guarded<S> {
        let closed = CancellationToken::new();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.next += 1;
        let number = kept.next;
        kept.open.insert(number, (Arc::new(shown), closed.clone()));
        drop(kept);
        Guarded { stream, closed: Box::pin(closed.cancelled_owned()), number, connections: self.clone() }
    }

    /// Closes those whose other side is not good any more; says how many.
    pub fn judge(&self, good: impl Fn(&Shown) -> bool) -> usize {
        // Judged outside the lock: signatures take a while, and new connections must not wait for that.
        let all: Vec<_> = {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.open.values().cloned().collect()
        };
        let bad = all.into_iter().filter(|(shown, _)| !good(shown));
        bad.map(|(_, closed)| closed.cancel()).count()
    }
}

/// A stream that ends when its other side is not good any more.
pub(crate) struct Guarded<S> {
    stream: S,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    number: u64,
    connections: Connections,
}

impl<S> Guarded<S> {
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.closed.as_mut().poll(cx) {
            Poll::Ready(()) => {
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the certificate of the other side was revoked"))
            }
            Poll::Pending => Ok(()),
        }
    }
}

impl<S> Drop for Guarded<S> {
    fn drop(&mut self) {
        let mut kept = self.connections.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.open.remove(&self.number);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
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
        self.check(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }
}
