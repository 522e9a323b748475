//! Migrations are embedded, and the macro that does it does not notice a new folder: a change there must rebuild the
//! crate.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations/ingest-webhook");
}
