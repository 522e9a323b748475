//! Writes down which migrations there are, so that `doctor` can tell which of them a database lacks.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new("../../migrations");
    writeln!(std::io::stdout(), "cargo::rerun-if-changed={}", folder.display())?;
    let mut table = String::from("&[\n");
    let mut services: Vec<_> = std::fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    services.sort_by_key(std::fs::DirEntry::file_name);
    for service in services.iter().filter(|entry| entry.path().is_dir()) {
        let mut versions = Vec::new();
        for migration in std::fs::read_dir(service.path())? {
            let name = migration?.file_name().to_string_lossy().into_owned();
            if let Some((version, _)) = name.split_once('_') {
                versions.push(version.to_owned());
            }
        }
        versions.sort();
        let name = service.file_name().to_string_lossy().into_owned();
        let _infallible = writeln!(table, "({name:?}, &{versions:?}),");
    }
    table.push(']');
    let out = std::env::var_os("OUT_DIR").unwrap_or_default();
    std::fs::write(Path::new(&out).join("migrations.rs"), table)
}
