//! A server that speaks S3: moto, from PyPI, in a process of its own.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Ends with it.
pub struct Server {
    child: Child,
    pub endpoint: String,
}

impl Server {
    /// A new one on a port of its own choice, with nothing in it.
    pub fn start() -> Self {
        let mut command =
            Command::new(postrider_testing::python(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/py")));
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
