//! The table of routes and the services' own documents say the same. Services are not linked here, so their annotations
//! are read as text.

use std::collections::BTreeSet;
use std::fs::{read_dir, read_to_string};
use std::path::{Path, PathBuf};

use postrider_gateway::routes::{TABLE, Verb};

const ANNOTATION: &str = "#[utoipa::path(";

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
}

/// Parameters may have other names here and there.
fn shape(pattern: &str) -> String {
    let parts = pattern.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// `get, path = "/a/{id}", …` after the annotation's bracket.
fn operation(text: &str) -> (String, String) {
    let (verb, rest) = text.trim_start().split_once(',').unwrap();
    let (_, rest) = rest.split_once("path").unwrap();
    let (_, rest) = rest.split_once('"').unwrap();
    let (path, _) = rest.split_once('"').unwrap();
    (verb.trim().to_uppercase(), shape(path))
}

#[test]
fn the_table_holds_what_services_document_and_nothing_else() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut documented = BTreeSet::new();
    for service in ["connector", "ingest-webhook", "notification", "sync-worker"] {
        let (mut files, before) = (Vec::new(), documented.len());
        sources(&here.join(service).join("src"), &mut files);
        for file in files {
            let text = read_to_string(file).unwrap();
            documented.extend(text.split(ANNOTATION).skip(1).map(operation));
        }
        assert!(documented.len() > before, "{service} documents nothing");
    }
    documented.retain(|(_, path)| !path.starts_with("/internal/"));
    let table: BTreeSet<_> = TABLE.iter().map(|row| (row.verb.name().to_owned(), shape(row.pattern))).collect();
    let unreachable: Vec<_> = documented.difference(&table).collect();
    assert!(unreachable.is_empty(), "documented, but in no row of routes/table.rs: {unreachable:?}");
    let unanswered: Vec<_> = table.difference(&documented).collect();
    assert!(unanswered.is_empty(), "rows of routes/table.rs that no service answers: {unanswered:?}");
    assert!(documented.iter().all(|(verb, _)| Verb::ALL.iter().any(|known| known.name() == verb)));
}
