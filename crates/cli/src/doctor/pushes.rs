//! Whether Google's pushes pass, by what the intake counted, and what is wrong with those that do not.

use postrider_google_auth::oidc::{PushRefusal, TokenRefusal};

use super::Finding;
use super::metrics::sum;

const AREA: &str = "pushes";
const PUSHES: &str = "postrider_pushes_total";
const PULLS: &str = "postrider_pulls_total";

/// Pushes that were not taken: what is wrong with them, and the remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    pub what: &'static str,
    pub remedy: &'static str,
}

/// Also what anybody sends who tries the address, `google check` among them.
const NO_TOKEN: Lost =
    Lost { what: "they carry no token", remedy: "`postrider google setup` has the subscription sign them" };

/// What pushes may end with, the likeliest first; by the words of those who refuse them.
fn ends() -> Vec<(&'static str, &'static str, Lost)> {
    const STRANGER: Lost = Lost {
        what: "their tokens are not Google's",
        remedy: "Somebody else sends them, or GOOGLE_JWKS_URL and GOOGLE_ISSUER are not Google's",
    };
    const CLOCK: Lost =
        Lost { what: "their tokens are not of this time", remedy: "Set the clock of ingest-webhook's machine (NTP)" };
    const ACCOUNT: Lost = Lost {
        what: "their tokens do not fit: another account signs them",
        remedy: "`postrider google setup` sets the subscription's account to PUBSUB_SERVICE_ACCOUNT; or correct the setting",
    };
    let refused = |refusal: PushRefusal, lost: Lost| (PUSHES, refusal.code(), lost);
    let token = |refusal: TokenRefusal, lost: Lost| refused(PushRefusal::Token(refusal), lost);
    vec![
        token(
            TokenRefusal::Audience,
            Lost {
                what: "their tokens do not fit: they are for another audience",
                remedy: "`postrider google setup` sets the subscription's audience to PUBSUB_AUDIENCE (without it APP_PUBLIC_URL and \
                         the route); or correct the setting",
            },
        ),
        refused(PushRefusal::ServiceAccount, ACCOUNT),
        refused(PushRefusal::Unverified, ACCOUNT),
        refused(
            PushRefusal::NotConfigured,
            Lost { what: "nobody is to sign them", remedy: "Set PUBSUB_SERVICE_ACCOUNT to the subscription's account" },
        ),
        token(TokenRefusal::Expired, CLOCK),
        token(TokenRefusal::NotYet, CLOCK),
        token(
            TokenRefusal::KeysUnavailable,
            Lost {
                what: "Google's keys cannot be fetched",
                remedy: "Let ingest-webhook reach GOOGLE_JWKS_URL (HTTPS, names)",
            },
        ),
        (
            PUSHES,
            "foreign",
            Lost { what: "they come from another subscription", remedy: "Correct PUBSUB_SUBSCRIPTION" },
        ),
        (
            PULLS,
            "refused",
            Lost {
                what: "Pub/Sub refuses to be pulled",
                remedy: "Compare PUBSUB_PULL_SUBSCRIPTION and PUBSUB_CREDENTIALS; `postrider google setup --pull` lets the account \
                         pull",
            },
        ),
        (
            PULLS,
            "credentials_refused",
            Lost {
                what: "Google refuses the account that pulls",
                remedy: "Make it a new key, and name the file in PUBSUB_CREDENTIALS",
            },
        ),
        token(TokenRefusal::Issuer, STRANGER),
        token(TokenRefusal::Signature, STRANGER),
        token(TokenRefusal::UnknownKey, STRANGER),
        token(TokenRefusal::Algorithm, STRANGER),
        token(TokenRefusal::Malformed, STRANGER),
        refused(PushRefusal::NoToken, NO_TOKEN),
    ]
}

fn count(figures: &str, metric: &str, outcome: &str) -> f64 {
    sum(figures, metric, &format!("outcome=\"{outcome}\""))
}

/// How many were taken.
pub fn taken(figures: &str) -> f64 {
    count(figures, PUSHES, "stored") + count(figures, PUSHES, "repeated") + count(figures, PULLS, "messages")
}

/// What those that were lost between two looks ended with; `before` may be empty.
pub fn lost(before: &str, after: &str) -> Option<Lost> {
    let grew = |metric: &str, outcome: &str| count(after, metric, outcome) > count(before, metric, outcome);
    ends().into_iter().find(|(metric, outcome, _)| grew(metric, outcome)).map(|(_, _, lost)| lost)
}

/// The figures since the intake's start.
pub fn told(figures: &str) -> Option<Finding> {
    let all = sum(figures, PUSHES, "outcome=") + count(figures, PULLS, "messages");
    let taken = taken(figures);
    if taken > 0.0 {
        return Some(Finding::ok(AREA, format!("{taken} of {all} were taken since the intake started")));
    }
    let lost = lost("", figures);
    match lost {
        Some(NO_TOKEN) => Some(Finding::warn(AREA, format!("none was taken: {}", NO_TOKEN.what), NO_TOKEN.remedy)),
        Some(lost) => Some(Finding::fail(AREA, format!("none was taken: {}", lost.what), lost.remedy)),
        None if all > 0.0 => Some(Finding::warn(AREA, format!("none of {all} was taken"), "The intake's log says why")),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn figures(outcomes: &[(&str, u32)]) -> String {
        outcomes
            .iter()
            .map(|(outcome, count)| format!("postrider_pushes_total{{outcome=\"{outcome}\"}} {count}\n"))
            .collect()
    }

    #[test]
    fn what_was_refused_is_told_by_the_word_it_was_refused_with() {
        let audience = told(&figures(&[("audience", 7)])).unwrap();
        assert!(audience.verdict == Verdict::Fail && audience.text.contains("another audience"), "{audience:?}");
        assert!(told(&figures(&[("service_account", 1)])).unwrap().text.contains("another account"));
        let bare = told(&figures(&[("no_token", 1)])).unwrap();
        assert!(bare.verdict == Verdict::Warn && bare.remedy.unwrap().contains("google setup"));
        assert!(told(&figures(&[("foreign", 1)])).unwrap().remedy.unwrap().contains("PUBSUB_SUBSCRIPTION"));
        assert_eq!(told(&figures(&[("audience", 7), ("stored", 1)])).unwrap().verdict, Verdict::Ok);
        assert_eq!(told(&figures(&[("unreadable", 1)])).unwrap().verdict, Verdict::Warn);
        assert_eq!(told(""), None);
    }

    #[test]
    fn only_what_came_between_two_looks_counts() {
        let before = figures(&[("audience", 7), ("stored", 2)]);
        assert_eq!(lost(&before, &before), None);
        let after = figures(&[("audience", 7), ("stored", 2), ("expired", 1)]);
        assert!(lost(&before, &after).unwrap().remedy.contains("NTP"));
        assert!((taken(&after) - 2.0).abs() < f64::EPSILON);
    }
}
