//! A program that stands in for another one, for tests.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Writes a program `name` that does what the line says; its path.
pub fn stand_in(dir: &Path, name: &str, does: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{does}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().to_owned()
}
