//! The `healthcheck` command: one plain HTTP request to the service's own listener, without an HTTP client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::{Env, Listen};

const DEADLINE: Duration = Duration::from_secs(5);
/// More than any readiness answer.
const MOST_BYTES: u64 = 64 * 1024;

/// Asks `/health/ready` and returns the answer's body.
///
/// # Errors
/// When nothing listens, the answer takes longer than 5 s, or it is not 200.
pub(crate) async fn ask(service: &str, env: &Env) -> anyhow::Result<String> {
    ready(Listen::load(env, service)?.addr).await
}

/// Asks `/health/ready` of the service that listens there and returns the answer's body.
///
/// # Errors
/// As [`ask`].
pub async fn ready(addr: SocketAddr) -> anyhow::Result<String> {
    let addr = reachable(addr);
    tokio::time::timeout(DEADLINE, get(addr)).await.with_context(|| format!("{addr} did not answer within 5 s"))?
}

async fn get(addr: SocketAddr) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(addr).await.with_context(|| format!("nothing listens on {addr}"))?;
    let request = format!("GET /health/ready HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    match head.split_ascii_whitespace().nth(1) {
        Some("200") => Ok(format!("{body}\n")),
        Some(status) => bail!("not ready: {addr} answered {status} {body}"),
        None => bail!("{addr} does not speak HTTP"),
    }
}

/// A listener on all addresses is asked on the loopback one.
fn reachable(addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, addr.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, addr.port()).into(),
        _ => addr,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer(text: &'static str) -> anyhow::Result<String> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let env = Env::from_pairs([("CONNECTOR_ADDR", addr.as_str())]);
        let server = async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 512];
            let _read = stream.read(&mut request).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
        };
        tokio::join!(ask("connector", &env), server).0
    }

    #[tokio::test]
    async fn ready_is_success_and_anything_else_an_error() {
        assert_eq!(answer("HTTP/1.1 200 OK\r\n\r\n{}").await.unwrap(), "{}\n");
        let error = answer("HTTP/1.1 503 Service Unavailable\r\n\r\n{\"broker\":\"down\"}").await.unwrap_err();
        assert!(error.to_string().contains("503") && error.to_string().contains("broker"), "{error}");
        assert!(answer("hello").await.is_err());
    }

    #[test]
    fn an_unspecified_address_is_asked_on_loopback() {
        assert_eq!(reachable("0.0.0.0:80".parse().unwrap()).to_string(), "127.0.0.1:80");
        assert_eq!(reachable("[::]:80".parse().unwrap()).to_string(), "[::1]:80");
    }
}
