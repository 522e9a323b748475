//! The image's recipe: every path it copies is in the repository, every program it takes is one of ours, and it compiles
//! with the toolchain that the repository names. Nothing is built.

use crate::repository::{root, text};

const RECIPE: &str = "deploy/docker/Dockerfile";
/// Programs for developers: not in the image.
const NOT_SHIPPED: [&str; 2] = ["postrider-bench", "xtask"];

/// Names of the programs of the workspace.
fn programs() -> Vec<String> {
    let mut names = Vec::new();
    for folder in ["crates", "services"] {
        for package in std::fs::read_dir(root().join(folder)).unwrap() {
            let manifest = std::fs::read_to_string(package.unwrap().path().join("Cargo.toml")).unwrap_or_default();
            for program in manifest.split("[[bin]]").skip(1) {
                names.push(program.split('"').nth(1).unwrap().to_owned());
            }
        }
    }
    names
}

fn faults(recipe: &str, toolchain: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let joined = recipe.replace("\\\n", " ");
    let mut stages: Vec<&str> = Vec::new();
    for line in joined.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["FROM", image, rest @ ..] => {
                if image.starts_with("rust:") && !image.starts_with(&format!("rust:{toolchain}-")) {
                    faults.push(format!("{image} is not the repository's toolchain {toolchain}"));
                }
                stages.extend(rest.get(1).copied());
            }
            ["COPY", from, ..] if from.starts_with("--from=") => {
                let known = from.strip_prefix("--from=").is_some_and(|stage| stages.contains(&stage));
                faults.extend((!known).then(|| format!("{from}: no such stage")));
            }
            ["COPY", sources @ .., _to] => {
                let missing = sources.iter().filter(|source| !root().join(source).exists());
                faults.extend(missing.map(|source| format!("{source} is not in the repository")));
            }
            _ => {}
        }
    }
    let programs = programs();
    let taken: Vec<_> = joined.split_whitespace().filter_map(|word| word.strip_prefix("target/release/")).collect();
    faults.extend(
        taken.iter().filter(|name| !programs.iter().any(|one| one == *name)).map(|name| format!("no program {name}")),
    );
    let shipped = programs.iter().filter(|name| !NOT_SHIPPED.contains(&name.as_str()));
    faults.extend(shipped.filter(|name| !taken.contains(&name.as_str())).map(|name| format!("{name} is left out")));
    faults
}

#[test]
fn the_recipe_names_what_is_there() {
    let toolchain = text("rust-toolchain.toml");
    let toolchain = toolchain.split('"').nth(1).unwrap();
    let recipe = text(RECIPE);
    assert_eq!(faults(&recipe, toolchain), Vec::<String>::new());
    for (from, to, told) in [
        ("target/release/postrider-gateway", "target/release/postrider-gate", "no program postrider-gate"),
        ("       target/release/gmail-sim \\\n", "", "gmail-sim is left out"),
        ("COPY . .", "COPY src .", "src is not"),
        ("--from=build", "--from=builder", "no such stage"),
    ] {
        assert!(recipe.contains(from), "{from}");
        let faults = faults(&recipe.replacen(from, to, 1), toolchain).join("\n");
        assert!(faults.contains(told), "{from} → {to}: {faults}");
    }
    assert!(faults(&recipe, "1.0.0").join("\n").contains("toolchain"));
}

#[test]
fn secrets_and_local_data_get_into_no_image() {
    let ignored = text(".dockerignore");
    for path in ["/target", "/.run", "/secrets", "/.git", "/.env"] {
        assert!(ignored.lines().any(|line| line == path), "{path}");
    }
}
