//! A browser of this machine, if it has one.

use std::process::Stdio;

use tokio::process::Command;
use url::Url;

/// Programs that open an address in the browser a person uses.
const OPENERS: [&str; 3] = ["xdg-open", "open", "wslview"];

/// Opens the address; false where nothing here can. What is to be seen on the way is not shown.
pub async fn open(url: &Url) -> bool {
    for program in OPENERS {
        let started = Command::new(program)
            .arg(url.as_str())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await;
        if started.is_ok_and(|status| status.success()) {
            return true;
        }
    }
    false
}
