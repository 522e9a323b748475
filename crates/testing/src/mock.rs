//! wiremock's server, so that a test cannot hang at its end.

use std::ops::Deref;

/// A [`wiremock::MockServer`] that is dropped on a thread of its own.
///
/// Its drop blocks on one of tokio's locks. In a task that has used up its turn (tokio's cooperative budget) such a lock
/// is never ready, and the wake that would try it again waits for the very task that blocks.
#[derive(Debug)]
pub struct MockServer(Option<wiremock::MockServer>);

impl MockServer {
    /// Starts one on a free port.
    pub async fn start() -> Self {
        Self(Some(wiremock::MockServer::start().await))
    }
}

impl Deref for MockServer {
    type Target = wiremock::MockServer;

    fn deref(&self) -> &Self::Target {
        let Self(Some(server)) = self else { unreachable!("it is taken in drop only") };
        server
    }
}

impl Drop for MockServer {
    fn drop(&mut self) {
        let server = self.0.take();
        let failed = std::thread::spawn(move || drop(server)).join();
        // What was expected of it and did not happen fails the test, if nothing else did.
        if let Err(reason) = failed
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MockServer;

    #[tokio::test]
    async fn one_is_dropped_by_a_task_that_used_up_its_turn() {
        let server = MockServer::start().await;
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        (0..200).for_each(|n| assert!(sender.send(n).is_ok()));
        while tokio::task::coop::has_budget_remaining() {
            receiver.recv().await;
        }
        drop(server);
    }
}
