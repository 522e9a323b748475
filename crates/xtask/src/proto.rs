//! Code generation of the event messages.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

const OUT: &str = "crates/contracts/src/gen";

/// Generates into [`OUT`], or compares with it.
pub fn run(check: bool) -> anyhow::Result<()> {
    let files = protos(Path::new("proto"))?;
    let descriptors = protox::compile(&files, ["proto"]).context("proto/ does not compile")?;
    let out = if check { Path::new("target/proto-check") } else { Path::new(OUT) };
    if check && out.exists() {
        fs::remove_dir_all(out)?;
    }
    fs::create_dir_all(out)?;
    prost_build::Config::new().out_dir(out).compile_fds(descriptors)?;
    if check {
        for entry in fs::read_dir(OUT)? {
            let committed = entry?.path();
            let name = committed.file_name().unwrap_or_default();
            ensure!(out.join(name).exists(), "{} is generated from nothing in proto/: delete it", committed.display());
        }
        for entry in fs::read_dir(out)? {
            let fresh = entry?.path();
            let committed = Path::new(OUT).join(fresh.file_name().unwrap_or_default());
            ensure!(
                fs::read(&fresh)? == fs::read(&committed).unwrap_or_default(),
                "{} is not what proto/ generates: run `make proto` and commit",
                committed.display()
            );
        }
    }
    Ok(())
}

fn protos(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(protos(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "proto") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
