//! The base migration is embedded, and the tests embed every service's: a changed file must rebuild them.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
