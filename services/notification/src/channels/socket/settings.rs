//! Times and bounds of sockets. Tests shorten them; operators set ping times and origins.

use std::time::Duration;

use postrider_web::Origins;

/// How sockets are treated.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `SOCKETIO_PING_INTERVAL`
    pub ping_interval: Duration,
    /// `SOCKETIO_PING_TIMEOUT`
    pub ping_timeout: Duration,
    /// A socket that has not proved who it is by then is closed.
    pub authenticate_within: Duration,
    /// How long a polling session's websocket may take to show that frames pass; without that the session goes on
    /// polling.
    pub upgrade_within: Duration,
    /// Every user's log is looked at for entries nobody hinted at this often.
    pub check_every: Duration,
    /// Watermarks are written, and stalled connections looked for, this often.
    pub housekeeping: Duration,
    /// A connection that takes no bytes, or a buffer that stays full, for so long is cut.
    pub slow_after: Duration,
    /// A client that asks for batches and has not acknowledged one by then is cut.
    pub acknowledge_within: Duration,
    /// How long sockets have to leave at a soft stop.
    pub drain: Duration,
    /// Packets buffered for one socket.
    pub buffer: usize,
    /// Kernel send buffer of a connection, in bytes.
    pub send_buffer: usize,
    /// Sockets one user may have on this replica. A person has a few tabs and devices, each of which may leave a dead
    /// socket behind until its ping times out; more is a client that does not close what it opens.
    pub per_user: usize,
    /// `CORS_ALLOWED_ORIGINS`
    pub origins: Origins,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(60),
            authenticate_within: Duration::from_secs(10),
            upgrade_within: Duration::from_secs(10),
            check_every: Duration::from_secs(30),
            housekeeping: Duration::from_secs(5),
            slow_after: Duration::from_secs(10),
            acknowledge_within: Duration::from_secs(30),
            drain: Duration::from_secs(5),
            buffer: 512,
            send_buffer: 64 * 1024,
            per_user: 50,
            origins: Origins::default(),
        }
    }
}

impl Settings {
    /// A socket that lived so long after an emit has received it. engineioxide sends the next ping when the last one is
    /// answered and its interval is over, at most one interval later while a transport is upgraded, and closes a socket
    /// whose answer takes longer than the timeout; a round of housekeeping is left for timers that are late.
    pub fn confirmation(&self) -> Duration {
        self.ping_interval.max(self.ping_timeout) + self.ping_interval + self.ping_timeout + self.housekeeping
    }
}
