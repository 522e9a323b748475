//! `postrider doctor`.

use anyhow::{Result, bail};
use clap::Args as ClapArgs;
use postrider_domain::Seams;

use crate::console::say;
use crate::doctor::{Finding, Installation, Verdict, examine};

/// How it is told.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// A JSON list of `{area, verdict, text, remedy}`, for programs.
    #[arg(long)]
    json: bool,
}

/// Looks at the whole installation and says what it lacks, each line with its remedy.
///
/// # Errors
/// Something fails: it is told before.
pub async fn doctor(args: Args) -> Result<()> {
    let findings = examine(&Installation::here()?, &Seams::system()).await;
    if args.json {
        say(serde_json::to_string_pretty(&findings)?);
    } else {
        for finding in &findings {
            say(line(finding));
        }
    }
    let failed = findings.iter().filter(|finding| finding.verdict == Verdict::Fail).count();
    match failed {
        0 => Ok(()),
        1 => bail!("one thing fails"),
        _ => bail!("{failed} things fail"),
    }
}

fn line(finding: &Finding) -> String {
    let sign = match finding.verdict {
        Verdict::Ok => '✓',
        Verdict::Warn => '!',
        Verdict::Fail => '✗',
    };
    let remedy = finding.remedy.as_ref().map(|remedy| format!("\n      {remedy}")).unwrap_or_default();
    format!("  {sign} {:<13} {}{remedy}", finding.area, finding.text)
}
