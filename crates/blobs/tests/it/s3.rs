//! A server that speaks S3: moto, from PyPI, in a process of its own.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The folder with the server in it. Installed once, whichever test process comes first.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/py");
    let lock = File::create(folder.join(".install.lock")).unwrap();
    lock.lock().unwrap();
    if !folder.join(".venv/ready").exists() {
        let run = |program: &str, args: &[&str]| {
            let done = Command::new(program).args(args).current_dir(&folder).status();
            assert!(
                done.is_ok_and(|status| status.success()),
                "{program} {args:?}: install Python 3.9 or newer with venv"
            );
        };
        run("python3", &["-m", "venv", ".venv"]);
        run(".venv/bin/python", &["-m", "pip", "install", "--quiet", "--requirement", "requirements.txt"]);
        std::fs::write(folder.join(".venv/ready"), "").unwrap();
    }
    folder
}

/// Ends with it.
pub struct Server {
    child: Child,
    pub endpoint: String,
}

impl Server {
    /// A new one on a port of its own choice, with nothing in it.
    pub fn start() -> Self {
        let mut command = Command::new(installed().join(".venv/bin/python"));
        command.args(["-u", "-m", "moto.server", "--host", "127.0.0.1", "--port", "0"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        let mut lines = said.lines().map_while(Result::ok);
        let running = lines.find_map(|line| line.split_once("Running on ").map(|(_, url)| url.trim().to_owned()));
        let endpoint = running.unwrap_or_else(|| panic!("the server that speaks S3 ended"));
        // What it says further would stop it once nobody reads.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, endpoint }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
