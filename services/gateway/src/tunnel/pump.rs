//! Copying bytes, each direction on its own, so that a client that only writes cannot hold up what it should read.
//!
//! Nothing is queued here: a chunk is read from one side only after the one before was taken by the other.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;

use crate::drain::Stay;
use crate::metrics::OpenTunnel;

/// Most bytes in one chunk.
const CHUNK: usize = 16 * 1024;

/// Bytes from the replica as the body of the 101 answer. Ends when the replica closes, when it is its turn to leave at
/// the stop, or when it is dropped with the client's connection; either way `done` is cancelled, which ends the other
/// direction.
pub fn down(
    from: impl AsyncRead + Unpin,
    stay: Stay,
    done: CancellationToken,
    open: OpenTunnel,
) -> impl Stream<Item = io::Result<Bytes>> {
    let (buffer, turn) = (BytesMut::with_capacity(CHUNK), Box::pin(stay.turn()));
    let state = Down { from, buffer, turn, done: done.drop_guard(), open };
    futures_util::stream::unfold(state, |mut state| async move {
        state.buffer.reserve(CHUNK);
        let read = tokio::select! {
            read = state.from.read_buf(&mut state.buffer) => read,
            () = &mut state.turn => return None,
        };
        match read {
            Ok(0) | Err(_) => None,
            Ok(count) => {
                state.open.carried_down(count);
                Some((Ok(state.buffer.split().freeze()), state))
            }
        }
    })
}

struct Down<R, T> {
    from: R,
    buffer: BytesMut,
    turn: T,
    #[expect(dead_code, reason = "held for its drop: it ends the other direction")]
    done: tokio_util::sync::DropGuard,
    open: OpenTunnel,
}

/// Bytes from the client to the replica, until either side ends or `done` is cancelled. Then the replica sees the end.
pub async fn up<S, E>(mut from: S, mut to: impl AsyncWrite + Unpin, done: CancellationToken)
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
{
    let copy = async {
        while let Some(Ok(chunk)) = from.next().await {
            if to.write_all(&chunk).await.is_err() || to.flush().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = copy => {}
        () = done.cancelled() => {}
    }
    let _gone_already = to.shutdown().await;
}
