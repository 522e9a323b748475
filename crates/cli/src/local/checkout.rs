//! Where the checkout is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::dot_env;

/// A working copy of the repository.
#[derive(Debug, Clone)]
pub struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The one the command was called in (looking upwards), else the one it was built from.
    pub fn find() -> Self {
        let here = std::env::current_dir().unwrap_or_default();
        let found = here.ancestors().find(|dir| dir.join("scripts/services.sh").is_file());
        let built_from = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = found.map_or_else(built_from, Path::to_owned);
        Self { root: root.canonicalize().unwrap_or(root) }
    }

    /// Its root directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where all local data is.
    pub fn run_dir(&self) -> PathBuf {
        self.root.join(".run")
    }

    /// The script that starts and stops private servers.
    pub fn services_script(&self) -> PathBuf {
        self.root.join("scripts/services.sh")
    }

    /// The settings in its `.env`; none where there is no such file.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it is no setting.
    pub fn dot_env(&self) -> Result<BTreeMap<String, String>> {
        let path = self.root.join(".env");
        match std::fs::read_to_string(&path) {
            Ok(text) => dot_env::parse(&text).with_context(|| format!("{} cannot be used", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// What the script wrote down about its servers; empty where none was ever started.
    pub fn servers(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(self.run_dir().join("services.env")).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
        lines.map(|(name, value)| (name.to_owned(), value.trim_matches(['\'', '"']).to_owned())).collect()
    }
}
