//! Asks a node over HTTP whether it serves.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TIMEOUT: Duration = Duration::from_secs(1);

/// Whether `GET /readyz` answers 200.
pub async fn is_ready(http: &str) -> bool {
    matches!(tokio::time::timeout(TIMEOUT, status(http)).await, Ok(Ok(200)))
}

async fn status(http: &str) -> io::Result<u16> {
    let mut stream = TcpStream::connect(http).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    stream.take(64).read_to_end(&mut head).await?;
    let code =
        head.strip_prefix(b"HTTP/1.1 ").or_else(|| head.strip_prefix(b"HTTP/1.0 ")).and_then(|rest| rest.get(..3));
    code.and_then(|code| std::str::from_utf8(code).ok())
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no HTTP status"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn only_200_is_ready() {
        for (answer, ready) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true),
            ("HTTP/1.1 503 Service Unavailable\r\n\r\n", false),
            ("nonsense", false),
            ("", false),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
            let address = listener.local_addr().expect("address").to_string();
            let served = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.expect("accepts");
                let mut request = [0; 512];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            });
            assert_eq!(is_ready(&address).await, ready, "{answer}");
            served.await.expect("serves");
        }
        assert!(!is_ready("127.0.0.1:1").await);
    }
}
