//! The files of this checkout, and the tools that read them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Root of the checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Text of one of its files.
pub fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A tool that `scripts/deploy-tools.sh` brings, with nothing of this process's environment but where programs are.
pub fn tool(name: &str) -> Command {
    let unpacked = root().join(".run/tools/usr/bin").join(name);
    // The system's own first: a manager of Python versions may stand before it.
    let program = [PathBuf::from("/usr/bin").join(name), unpacked].into_iter().find(|path| path.is_file());
    let program = program.or_else(|| {
        let paths = std::env::var_os("PATH")?;
        std::env::split_paths(&paths).map(|folder| folder.join(name)).find(|path| path.is_file())
    });
    let program = program.unwrap_or_else(|| panic!("{name} is missing: run scripts/deploy-tools.sh"));
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", "/nonexistent").current_dir(root());
    command
}

/// What a command writes; its complaint where it fails.
pub fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&said)))
}
