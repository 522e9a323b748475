//! Settings: known names, values of their type, and what each program of this machine says about its own.

use tokio::process::Command;

use super::{Finding, Installation};

const AREA: &str = "settings";

pub async fn look(installation: &Installation) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(errors) = installation.env.check() {
        findings.extend(
            errors.iter().map(|error| Finding::fail(AREA, format!("{} {}", error.name, error.problem), &error.remedy)),
        );
    }
    for (member, env) in &installation.programs {
        let program = installation.folder.join(member.program());
        if !program.is_file() {
            continue;
        }
        let asked = Command::new(program).arg("check-config").env_clear().envs(env).output().await;
        let Ok(answer) = asked else { continue };
        if !answer.status.success() {
            let said = String::from_utf8_lossy(&answer.stderr);
            for line in said.lines().filter(|line| line.starts_with("  ")) {
                findings.push(Finding::fail(
                    AREA,
                    format!("{member}: {}", line.trim()),
                    "Correct it in `.env` or where it is set",
                ));
            }
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(AREA, "every one is known and of its type"));
    }
    findings
}
