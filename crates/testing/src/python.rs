//! Programs from PyPI that tests speak with, in an environment of their own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// The interpreter of a folder's `.venv`, with what its `requirements.txt` pins. Installed once, whichever test process comes
/// first.
pub fn python(folder: &Path) -> PathBuf {
    match installed(folder) {
        Ok(()) => folder.join(".venv/bin/python"),
        Err(error) => panic!("{}: {error:#}", folder.display()),
    }
}

fn installed(folder: &Path) -> Result<()> {
    let lock = File::create(folder.join(".install.lock"))?;
    lock.lock()?;
    let ready = folder.join(".venv/ready");
    if ready.exists() {
        return Ok(());
    }
    run(folder, "python3", &["-m", "venv", ".venv"])?;
    run(folder, ".venv/bin/python", &["-m", "pip", "install", "--quiet", "--requirement", "requirements.txt"])?;
    Ok(std::fs::write(ready, "")?)
}

fn run(folder: &Path, program: &str, args: &[&str]) -> Result<()> {
    let remedy = || format!("{program} {args:?}: install Python 3.9 or newer with venv");
    let status = Command::new(program).args(args).current_dir(folder).status().with_context(remedy)?;
    ensure!(status.success(), remedy());
    Ok(())
}
