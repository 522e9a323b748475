//! Tells how the HTML of each attack in a file is shown, as a JSON list of strings: `shown tests/html/vectors.json`.
//! `tests/html/in_browser.py` opens them in a browser.

use std::io::{self, Write};

use postrider_mail::{View, sanitise};
use serde_json::Value;

fn main() -> io::Result<()> {
    let file = std::env::args().nth(1).ok_or_else(|| io::Error::other("which file?"))?;
    let vectors: Vec<Value> = serde_json::from_slice(&std::fs::read(file)?)?;
    let html = vectors.iter().filter_map(|vector| vector.get("html")?.as_str());
    let shown: Vec<String> = html.map(|html| sanitise(html, &View::default()).unwrap_or_default()).collect();
    writeln!(io::stdout().lock(), "{}", serde_json::to_string(&shown)?)
}
