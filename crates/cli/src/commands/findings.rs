//! What was looked at, shown to a person or a program.

use anyhow::{Result, bail};

use crate::console::{plain_lines, say};
use crate::doctor::{Finding, Verdict};

/// Shows the findings, each with its remedy.
///
/// # Errors
/// Something fails.
pub fn tell(findings: &[Finding], json: bool) -> Result<()> {
    if json {
        say(serde_json::to_string_pretty(findings)?);
    } else {
        for finding in findings {
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
    plain_lines(&format!("  {sign} {:<13} {}{remedy}", finding.area, finding.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fails_is_an_error() {
        let (ok, warn) = (Finding::ok("a", "b"), Finding::warn("a", "b", "c"));
        assert!(tell(&[ok.clone(), warn.clone()], false).is_ok());
        let fail = Finding::fail("a", "b", "mend it");
        assert_eq!(line(&fail), "  ✗ a             b\n      mend it");
        assert_eq!(tell(&[ok, fail.clone()], true).unwrap_err().to_string(), "one thing fails");
        assert_eq!(tell(&[warn, fail.clone(), fail], false).unwrap_err().to_string(), "2 things fail");
    }
}
