//! The figures as a table for people and JSON for programs.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    pub bench: &'static str,
    pub what: String,
    pub value: f64,
    pub unit: &'static str,
    /// What the value should reach (or stay below, for milliseconds); none = told for information.
    pub aim: Option<f64>,
}

/// What a run measured.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub figures: Vec<Figure>,
}

impl Report {
    pub fn add(&mut self, bench: &'static str, what: impl Into<String>, value: f64, unit: &'static str) {
        self.figures.push(Figure { bench, what: what.into(), value, unit, aim: None });
    }

    pub fn add_with_aim(&mut self, bench: &'static str, what: &str, value: f64, unit: &'static str, aim: f64) {
        self.figures.push(Figure { bench, what: what.to_owned(), value, unit, aim: Some(aim) });
    }

    /// Prints the table and writes the JSON file.
    pub fn print(&self, json: &Path) -> anyhow::Result<()> {
        let mut text = String::new();
        for figure in &self.figures {
            let aim = match (figure.aim, figure.unit) {
                (Some(aim), "ms") => format!("  (aim: at most {aim})"),
                (Some(aim), _) => format!("  (aim: at least {aim})"),
                (None, _) => String::new(),
            };
            let _ =
                writeln!(text, "{:<10} {:<52} {:>12.2} {}{aim}", figure.bench, figure.what, figure.value, figure.unit);
        }
        std::io::stdout().lock().write_all(text.as_bytes())?;
        if let Some(parent) = json.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(json, serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("cannot write {}", json.display()))
    }
}
