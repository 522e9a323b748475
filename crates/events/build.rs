//! The tests embed every service's migrations: a changed file must rebuild them.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
