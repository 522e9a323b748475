//! Lines that a person types while something else is waited for.

use std::io::BufRead as _;

use tokio::sync::mpsc;

/// Lines as they come. After the end of the input none come, which is no error.
#[derive(Debug)]
pub struct Lines(mpsc::Receiver<String>);

impl Lines {
    /// Of standard input, read by a thread of its own: a read that waits for a key must not hold up the end of the command.
    pub fn typed() -> Self {
        let (typed, lines) = mpsc::channel(1);
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                if typed.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self(lines)
    }

    /// Those that somebody else sends.
    pub fn sent() -> (mpsc::Sender<String>, Self) {
        let (sender, lines) = mpsc::channel(8);
        (sender, Self(lines))
    }

    /// The next one; waits for ever after the last.
    pub async fn next(&mut self) -> String {
        match self.0.recv().await {
            Some(line) => line,
            None => std::future::pending().await,
        }
    }
}
