//! A browser of this machine, if it has one.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use url::Url;

/// Programs that open an address in the browser a person uses.
const OPENERS: [&str; 3] = ["xdg-open", "open", "wslview"];
/// An opener that has not ended by then stays with the browser it started.
const PATIENCE: Duration = Duration::from_secs(3);

/// Opens the address; false where nothing here can. Never waits for a browser's end: some openers do.
pub async fn open(url: &Url) -> bool {
    for program in OPENERS {
        if by(program, url).await {
            return true;
        }
    }
    false
}

async fn by(program: &str, url: &Url) -> bool {
    let mut command = Command::new(program);
    // A group of its own: Ctrl-C here is not meant for the browser.
    command.arg(url.as_str()).process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut started) = command.spawn() else { return false };
    match tokio::time::timeout(PATIENCE, started.wait()).await {
        Ok(ended) => ended.is_ok_and(|status| status.success()),
        Err(_still_there) => true,
    }
}

/// Whether a window could open here at all: without a display an opener would start a browser of text, unseen.
pub fn has_screen(variable: impl Fn(&str) -> bool) -> bool {
    cfg!(target_os = "macos") || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].into_iter().any(variable)
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::local::stand_in::stand_in;

    #[tokio::test]
    async fn an_opener_that_stays_is_not_waited_for_and_one_that_fails_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let program = |name: &str, does: &str| stand_in(dir.path(), name, does);
        let url = Url::parse("http://localhost/").unwrap();
        let began = Instant::now();
        assert!(by(&program("stays", "sleep 20"), &url).await);
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        assert!(by(&program("works", "exit 0"), &url).await);
        assert!(!by(&program("fails", "exit 3"), &url).await && !by("/nowhere/open", &url).await);
        assert!(has_screen(|name| name == "DISPLAY") && !has_screen(|_| false));
    }
}
