//! The programs of the stack, built from the checkout when the command itself was started by cargo.

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use super::checkout::Checkout;
use crate::stack::Stack;

/// Builds the stack's programs into the directory they are started from. Without cargo (an installed command) it only
/// checks that they are there.
///
/// # Errors
/// They do not compile, or are missing.
pub async fn build_programs(checkout: &Checkout, stack: &Stack) -> Result<()> {
    let members = stack.members();
    let Some(cargo) = std::env::var_os("CARGO") else {
        return match members.iter().find(|member| !stack.options().program(**member).is_file()) {
            Some(missing) => bail!("{} is missing", stack.options().program(*missing).display()),
            None => Ok(()),
        };
    };
    let dir = &stack.options().bin_dir;
    let mut command = Command::new(cargo);
    command.current_dir(checkout.root()).arg("build");
    // <target directory>/<profile>; `dev` builds into `debug`.
    match dir.file_name().and_then(|profile| profile.to_str()) {
        Some("debug") | None => {}
        Some(profile) => {
            command.args(["--profile", profile]);
        }
    }
    if let Some(target) = dir.parent() {
        command.arg("--target-dir").arg(target);
    }
    // All of them: cargo then resolves the features of the whole workspace, as `make programs` did, and has nothing to do.
    command.args(["--workspace", "--bins"]);
    // What `cargo run` told this program about itself would make build scripts that watch it (ring's) run again, and half of
    // the workspace be compiled anew, now and by whoever builds next.
    let inherited = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in inherited.filter(|name| is_of_this_program(name)) {
        command.env_remove(name);
    }
    let status = command.status().await.context("cargo cannot be run")?;
    if !status.success() {
        bail!("the programs do not compile");
    }
    Ok(())
}

/// Whether cargo sets this variable for a program it runs, and for the build scripts of what it builds.
fn is_of_this_program(name: &str) -> bool {
    // A package with a build script, as this one, is told where that wrote.
    name == "OUT_DIR" || name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `OUT_DIR` is what cargo's own documentation names for programs, beside the package's.
    #[test]
    fn a_build_inside_a_run_hears_nothing_of_the_program_that_runs() {
        for name in
            ["OUT_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION_MAJOR", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_LINKS"]
        {
            assert!(is_of_this_program(name), "{name}");
        }
        for name in ["CARGO_INCREMENTAL", "CARGO_TARGET_DIR", "CARGO_HOME", "PATH"] {
            assert!(!is_of_this_program(name), "{name}");
        }
    }
}
