//! The soft stop: sessions say `server_restart` and leave one after the other, then the rest is closed.

use std::sync::Arc;
use std::time::Duration;

use postrider_runtime::Shutdown;
use socketioxide::SocketIo;
use tokio::time::Instant;

use crate::channels::socket::shared::Shared;

/// Time between two looks at who is still here.
const LOOK: Duration = Duration::from_millis(50);

/// Waits for the soft stop, lets the sessions leave and closes what is left. The listener stops accepting when this
/// returns; sockets that came meanwhile are told to leave as well.
pub async fn after_stop(shutdown: Shutdown, io: SocketIo, shared: Arc<Shared>) {
    shutdown.soft.cancelled().await;
    shared.sockets.leaving.cancel();
    let until = Instant::now() + shared.settings.drain;
    while shared.sockets.open() > 0 && Instant::now() < until && !shutdown.hard.is_cancelled() {
        tokio::time::sleep(LOOK).await;
    }
    io.close().await;
}
