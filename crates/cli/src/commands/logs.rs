//! `postrider logs`: the logs of the running stack, one table of all services.

use std::collections::BTreeMap;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use serde_json::{Map, Value, json};

use crate::console::{plain, say};
use crate::local::Checkout;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_millis(300);
/// Most of a file's end that is read to find its last lines.
const END_BYTES: u64 = 256 * 1024;
/// As wide as the longest name.
const WIDTH: usize = 14;

/// Whose logs.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Names such as `sync-worker`; all without.
    services: Vec<String>,
    /// Print what is there and end.
    #[arg(long)]
    no_follow: bool,
    /// How many of the last lines of each service.
    #[arg(long, default_value_t = 40)]
    lines: usize,
    /// A JSON object a line, for programs.
    #[arg(long)]
    json: bool,
}

/// A line of a log, in either of its formats.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    service: String,
    time: String,
    level: String,
    text: String,
    /// Of the JSON format.
    fields: Map<String, Value>,
}

/// Shows the ends of the logs and what is added, until Ctrl-C.
///
/// # Errors
/// There are no logs.
pub async fn logs(args: Args) -> Result<()> {
    let dir = Checkout::find().run_dir().join("logs");
    no_stranger(&dir, &args.services)?;
    let mut read = BTreeMap::new();
    let mut first = Vec::new();
    for file in files(&dir, &args.services) {
        let (lines, end) = last_lines(&file, args.lines);
        first.extend(lines);
        read.insert(file, end);
    }
    first.sort_by(|one, other| one.time.cmp(&other.time));
    if !args.json {
        say(format_args!("{:<27}  {:<WIDTH$}  {:<5}  MESSAGE", "TIME", "SERVICE", "LEVEL"));
    }
    let show = |line: &Line| if args.json { say(line.json()) } else { say(line.shown()) };
    first.iter().for_each(show);
    if args.no_follow {
        return Ok(());
    }
    loop {
        tokio::time::sleep(EVERY).await;
        for file in files(&dir, &args.services) {
            let from = read.get(&file).copied().unwrap_or_default();
            let (lines, end) = added(&file, from);
            read.insert(file, end);
            lines.iter().for_each(show);
        }
    }
}

/// Refuses a name that no log has, and says which there are.
fn no_stranger(dir: &Path, services: &[String]) -> Result<()> {
    let there = files(dir, &[]);
    if there.is_empty() {
        bail!("there are no logs in {}: no stack of this checkout was started", dir.display());
    }
    if let Some(stranger) = services.iter().find(|name| files(dir, std::slice::from_ref(*name)).is_empty()) {
        let names: Vec<_> = there.iter().map(|file| service_of(file)).collect();
        bail!("{stranger} has no log. There are: {}", names.join(", "));
    }
    Ok(())
}

/// The logs wanted, by the names of their services; `connector-1` is one of connector's.
fn files(dir: &Path, services: &[String]) -> Vec<PathBuf> {
    let of = |path: &PathBuf| {
        let stem = service_of(path);
        let wanted = |name: &String| stem == *name || stem.strip_prefix(name.as_str()).is_some_and(is_replica);
        path.extension().is_some_and(|extension| extension == "log")
            && (services.is_empty() || services.iter().any(wanted))
    };
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(of).collect();
    files.sort();
    files
}

fn is_replica(rest: &str) -> bool {
    rest.strip_prefix('-').is_some_and(|number| number.parse::<u32>().is_ok())
}

fn service_of(path: &Path) -> String {
    path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned()
}

/// The last lines of a file, and where it ends.
fn last_lines(file: &Path, most: usize) -> (Vec<Line>, u64) {
    let length = std::fs::metadata(file).map_or(0, |found| found.len());
    let from = length.saturating_sub(END_BYTES);
    let (mut lines, end) = added(file, from);
    // A place in the middle of a file is in the middle of a line.
    let half = usize::from(from > 0);
    let skip = lines.len().saturating_sub(most).max(half.min(lines.len()));
    (lines.split_off(skip), end)
}

/// The whole lines behind a place in a file, and the place behind them. A file that became shorter was begun anew.
fn added(file: &Path, from: u64) -> (Vec<Line>, u64) {
    let read = || -> std::io::Result<(u64, Vec<u8>)> {
        let mut opened = std::fs::File::open(file)?;
        let from = if opened.metadata()?.len() < from { 0 } else { from };
        opened.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        opened.read_to_end(&mut bytes)?;
        Ok((from, bytes))
    };
    let Ok((from, bytes)) = read() else { return (Vec::new(), from) };
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let text = String::from_utf8_lossy(bytes.get(..whole).unwrap_or_default()).into_owned();
    let service = service_of(file);
    let lines = text.lines().filter(|line| !line.is_empty()).map(|line| Line::read(&service, line)).collect();
    (lines, from + u64::try_from(whole).unwrap_or_default())
}

impl Line {
    fn read(service: &str, line: &str) -> Self {
        let service = service.to_owned();
        if let Ok(Value::Object(mut fields)) = serde_json::from_str(line) {
            let mut take = |name: &str| match fields.remove(name) {
                Some(Value::String(text)) => text,
                _ => String::new(),
            };
            let (time, level, text) = (take("time"), take("level"), take("message"));
            return Self { service, time, level, text, fields };
        }
        let mut words = line.splitn(3, ' ');
        let time = words.next().filter(|word| word.len() > 19 && word.contains('T') && word.ends_with('Z'));
        match (time, line.split_once(' ').and_then(|(_, rest)| rest.trim_start().split_once(' '))) {
            (Some(time), Some((level, text))) => Self {
                service,
                time: time.to_owned(),
                level: level.to_ascii_lowercase(),
                text: text.to_owned(),
                fields: Map::new(),
            },
            // What a library wrote by itself, or the rest of a panic.
            _ => Self { service, time: String::new(), level: String::new(), text: line.to_owned(), fields: Map::new() },
        }
    }

    fn shown(&self) -> String {
        let Self { service, time, level, text, fields } = self;
        let mut shown = format!("{time:<27}  {service:<WIDTH$}  {level:<5}  {}", plain(text));
        for (name, value) in fields.iter().filter(|(name, _)| *name != "target") {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            shown.push_str(&format!("  {name}={}", plain(&value)));
        }
        shown
    }

    fn json(&self) -> Value {
        let Self { service, time, level, text, fields } = self;
        let mut object = json!({"time": time, "service": service, "level": level, "message": text});
        if let Some(members) = object.as_object_mut() {
            for (name, value) in fields {
                members.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRETTY: &str = "2026-11-29T10:00:00.000001Z  WARN postrider_broker: no answer attempt=2";
    const JSON: &str = r#"{"time":"2026-11-29T10:00:00.000002Z","level":"info","target":"t","message":"synced","n":3}"#;

    #[test]
    fn both_formats_make_the_same_table() {
        let pretty = Line::read("connector", PRETTY);
        assert_eq!((pretty.level.as_str(), pretty.text.as_str()), ("warn", "postrider_broker: no answer attempt=2"));
        assert_eq!(
            pretty.shown(),
            "2026-11-29T10:00:00.000001Z  connector       warn   postrider_broker: no answer attempt=2"
        );
        let json = Line::read("sync-worker", JSON);
        assert_eq!(json.shown(), "2026-11-29T10:00:00.000002Z  sync-worker     info   synced  n=3");
        assert_eq!(json.json()["service"], "sync-worker");
        assert_eq!((&json.json()["message"], &json.json()["n"]), (&json!("synced"), &json!(3)));
        let colours = Line::read("connector", r#"{"time":"t","level":"info","message":"a\u001b[2Jb","n":"\u0007"}"#);
        assert!(colours.shown().ends_with(r"a\u{1b}[2Jb  n=\u{7}"), "{}", colours.shown());
        let odd = Line::read("gateway", "thread panicked at x");
        assert_eq!((odd.time.as_str(), odd.text.as_str()), ("", "thread panicked at x"));
    }

    #[test]
    fn a_file_is_followed_from_where_it_was_left_by_whole_lines() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("connector.log");
        std::fs::write(&file, format!("{PRETTY}\n{JSON}\n{PRETTY}\nhalf")).unwrap();
        let (lines, end) = last_lines(&file, 2);
        assert_eq!((lines.len(), lines[0].text.as_str()), (2, "synced"));
        std::fs::write(&file, format!("{PRETTY}\n{JSON}\n{PRETTY}\nhalf a line\n")).unwrap();
        let (lines, end) = added(&file, end);
        assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["half a line"]);
        std::fs::write(&file, "anew\n").unwrap();
        assert_eq!(added(&file, end).0[0].text, "anew");
        let long = format!("{}\nwhole\n", "x".repeat(usize::try_from(END_BYTES).unwrap()));
        std::fs::write(&file, long).unwrap();
        let (lines, _) = last_lines(&file, 40);
        assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["whole"]);
    }

    #[test]
    fn a_name_means_all_processes_of_its_service() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["connector.log", "connector-1.log", "gateway.log", "connector-x.log", "note.txt"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let found = |services: &[&str]| {
            let services: Vec<_> = services.iter().map(|name| (*name).to_owned()).collect();
            files(dir.path(), &services).iter().map(|file| service_of(file)).collect::<Vec<_>>()
        };
        assert_eq!(found(&["connector"]), ["connector-1", "connector"]);
        assert_eq!(found(&[]).len(), 4);
        assert!(found(&["nobody"]).is_empty());
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        no_stranger(dir.path(), &names(&["connector", "gateway"])).unwrap();
        let told = no_stranger(dir.path(), &names(&["connector", "gatway"])).unwrap_err().to_string();
        assert!(told.contains("gatway has no log") && told.contains("connector-1, "), "{told}");
        assert!(no_stranger(&dir.path().join("nowhere"), &[]).unwrap_err().to_string().contains("no logs"));
    }
}
