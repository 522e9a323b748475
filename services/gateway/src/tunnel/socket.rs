//! TCP connections to a Socket.IO listener.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream, lookup_host};

use super::replicas::Replica;

/// Kernel buffer of each direction. Without it a stalled client is buffered for in megabytes and never noticed.
pub const BUFFER: usize = 64 * 1024;
/// How long written bytes may stay unacknowledged before the connection counts as dead. Below Socket.IO's ping interval
/// plus timeout (25 + 60 s), so that the kernel notices first.
pub const USER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connect may take.
const CONNECT: Duration = Duration::from_secs(2);

/// Connects with bounded buffers.
///
/// # Errors
/// The name does not resolve, or no address answers within 2 s.
pub async fn connect(replica: &Replica) -> io::Result<TcpStream> {
    let attempt = async {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for addr in lookup_host((replica.host.as_str(), replica.port)).await? {
            match connect_to(addr).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    };
    let late = |_elapsed| io::Error::new(io::ErrorKind::TimedOut, "no answer within 2 s");
    tokio::time::timeout(CONNECT, attempt).await.map_err(late)?
}

async fn connect_to(addr: SocketAddr) -> io::Result<TcpStream> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Before connecting: the receive window is negotiated then.
    let buffer = u32::try_from(BUFFER).unwrap_or(u32::MAX);
    socket.set_send_buffer_size(buffer)?;
    socket.set_recv_buffer_size(buffer)?;
    let stream = socket.connect(addr).await?;
    stream.set_nodelay(true)?;
    limit(&stream)?;
    Ok(stream)
}

/// Sets the user timeout of a connection.
pub fn limit(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_tcp_user_timeout(Some(USER_TIMEOUT))
}
