//! Every statement of the workspace is prepared against the migrated schema of its owner: a table, a column or a type
//! that is not there is found here and not in the service that runs it.
//!
//! The sources are read as tokens, so a statement's text must stand where it is run: a literal, `concat!` of literals,
//! or a macro that makes one. Only `Statement::dynamic` is exempt.

mod prepare;
mod source;
mod text;

use std::path::{Path, PathBuf};

use postrider_storage::{Spec, migrate};
use postrider_testing::events::base_schema;
use postrider_testing::services::workspace_root;

use self::prepare::Session;
use self::source::Source;
use crate::migrations::ALL;

/// Where statements are, and whose schema they run in. What all services share runs in the one with nothing else.
const PLACES: [(&str, Spec); 8] = [
    ("crates/events/src", Spec::GATEWAY),
    ("crates/storage/src", Spec::GATEWAY),
    ("services/gateway/src", Spec::GATEWAY),
    ("services/ingest-webhook/src", Spec::INGEST),
    ("services/connector/src", Spec::CONNECTOR),
    ("services/sync-worker/src", Spec::SYNC_WORKER),
    ("services/notification/src", Spec::NOTIFICATION),
    ("crates/cli/src", Spec::SYNC_WORKER),
];
/// Texts for several crates.
const SHARED_MACROS: &str = "crates/storage/src/due.rs";

fn sources(root: &Path, folder: &str) -> Vec<(String, String)> {
    let (mut folders, mut files) = (vec![root.join(folder)], Vec::<PathBuf>::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    let named = |path: PathBuf| {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        (name, std::fs::read_to_string(path).unwrap())
    };
    files.into_iter().map(named).collect()
}

async fn check(session: &Session, files: &[(String, String)]) -> (usize, Vec<String>) {
    let (mut count, mut wrong) = (0, Vec::new());
    match Source::read(files) {
        Err(error) => wrong.push(error),
        Ok(source) => {
            for call in source.statements() {
                count += 1;
                if let Err(error) = session.check(&source, &call).await {
                    wrong.push(format!("{}: {error}", call.place()));
                }
            }
        }
    }
    (count, wrong)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_fits_the_schema_it_runs_in() {
    let (test, root) = (base_schema().await, workspace_root());
    let (mut count, mut wrong) = (0, Vec::new());
    for (spec, migrations) in ALL {
        let url = migrate::derived_service_url(&test.admin_url, &spec).unwrap();
        migrate::run(&test.admin_url, &url, &spec, migrations()).await.unwrap();
        let session = Session::open(&url, &spec).await;
        for (folder, _) in PLACES.iter().filter(|(_, owner)| *owner == spec) {
            let mut files = sources(&root, folder);
            if files.iter().all(|(name, _)| name != SHARED_MACROS) {
                files
                    .extend(sources(&root, "crates/storage/src").into_iter().filter(|(name, _)| name == SHARED_MACROS));
            }
            let (found, errors) = check(&session, &files).await;
            count += found;
            wrong.extend(errors);
        }
    }
    assert!(wrong.is_empty(), "{} of {count} statements are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 100, "only {count} statements were found: where have they gone?");
}

/// What the check must find, each in a file of its own: the statement and words of the error.
const WRONG: [(&str, &str); 10] = [
    ("sql(\"SELECT nobody FROM streams\").execute(&tx)", "column \"nobody\" does not exist"),
    ("sql(\"SELECT 1 FROM nowhere\").execute(&tx)", "relation \"nowhere\" does not exist"),
    ("try_join!(sql(\"SELECT head FROM stream WHERE 1\").execute(&tx))", "relation \"stream\" does not exist"),
    ("sql(text).execute(&tx)", "the text cannot be read"),
    ("sql(concat!(\"SELECT \", missing!())).execute(&tx)", "no macro missing!"),
    ("sql(\"SELECT head FROM streams WHERE stream = $1 AND seq = $2\").bind(a).execute(&tx)", "seq"),
    ("sql(\"SELECT head FROM streams WHERE stream = $1\").binds((a, f(b, c))).execute(&tx)", "1 parameters, 2 binds"),
    ("sql(\"SELECT id FROM {new: id uuid}\").column(\"ids\", ids).execute(&tx)", "columns"),
    ("row! { struct Row { a: i64, b: i64 } } sql(\"SELECT 1 AS a\").load::<Row>(&tx)", "no column b for Row"),
    ("sql(\"SELECT 1 AS total\").get_result::<Value<i32>>(&tx)", "no column value"),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_check_finds_what_is_wrong() {
    let test = base_schema().await;
    let session = Session::open(&test.url, &Spec::GATEWAY).await;
    for (code, words) in WRONG {
        let (count, wrong) = check(&session, &[("lib.rs".to_owned(), format!("// a line\n{code}"))]).await;
        assert_eq!((count, wrong.len()), (1, 1), "{code}: {wrong:?}");
        assert!(wrong[0].starts_with("lib.rs:2: ") && wrong[0].contains(words), "{code}: {wrong:?}");
    }
    let good = "macro_rules! columns { () => { \"stream, head\" } }
        macro_rules! of { ($from:literal, $end:expr) => { concat!(\"SELECT \", columns!(), \" FROM \", $from, $end) } }
        row! { #[derive(Debug)] pub struct Head { pub stream: String, pub head: Option<i64> } }
        fn f() { sql(of!(\"streams\", concat!(\" WHERE head > $1\"))).bind(1).load::<Head>(&tx) }
        // sql(nothing) in a comment is none
        fn g() { let more = sql(\"SELECT place AS value FROM {new: id uuid, #place}\"); }
        fn h() { sql(\"SELECT count(*) AS value FROM {new: id uuid}\")
            .column(\"id\", ids.iter().map(|id| id.0)).get_result::<Value<i64>>(&tx) }";
    let (count, wrong) = check(&session, &[("good.rs".to_owned(), good.to_owned())]).await;
    assert_eq!((count, wrong), (3, Vec::new()));
}
