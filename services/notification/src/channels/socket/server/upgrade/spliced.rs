//! A websocket's connection that begins with a request's head and swallows the head of the answer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What hyper reads first: enough of a request to be upgraded.
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
/// Where the answer's head ends.
const END: &[u8; 4] = b"\r\n\r\n";

/// The connection with something before it in both directions.
#[derive(Debug)]
pub struct Spliced<C> {
    connection: C,
    /// Read before anything of the connection.
    before: Bytes,
    /// Bytes of [`END`] seen; all of them: from now on everything is the client's.
    seen: usize,
}

impl<C> Spliced<C> {
    /// `begun` was read from the connection already.
    pub fn new(connection: C, begun: Bytes) -> Self {
        Self { connection, before: [REQUEST, &begun].concat().into(), seen: 0 }
    }

    /// How many of these bytes belong to the answer's head.
    fn swallow(&mut self, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            if self.seen == END.len() {
                return at;
            }
            let expected = END.get(self.seen) == Some(byte);
            self.seen = if expected { self.seen + 1 } else { usize::from(*byte == b'\r') };
        }
        bytes.len()
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Spliced<C> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.before.is_empty() {
            return Pin::new(&mut self.connection).poll_read(cx, buf);
        }
        let now = self.before.len().min(buf.remaining());
        buf.put_slice(self.before.get(..now).unwrap_or_default());
        self.before.advance(now);
        Poll::Ready(Ok(()))
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Spliced<C> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.seen < END.len() {
            return Poll::Ready(Ok(self.swallow(buf)));
        }
        Pin::new(&mut self.connection).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn a_request_comes_before_and_its_answer_goes_nowhere() {
        let (near, mut far) = tokio::io::duplex(1_024);
        let mut spliced = Spliced::new(near, Bytes::from_static(b"begun"));
        far.write_all(b" later").await.unwrap();
        let mut read = vec![0; REQUEST.len() + 11];
        spliced.read_exact(&mut read).await.unwrap();
        assert_eq!(read, [REQUEST, b"begun later"].concat());
        // In pieces, with an end that only begins, and with frames right behind it.
        for piece in ["HTTP/1.1 101 X\r\na: \r\r\n", "b: c\r\n\r", "\nframes", " and more"] {
            spliced.write_all(piece.as_bytes()).await.unwrap();
        }
        drop(spliced);
        let mut told = String::new();
        far.read_to_string(&mut told).await.unwrap();
        assert_eq!(told, "frames and more");
    }
}
