//! Which live mails are told to the world: `email.received` and `email.sent`. Drafts change with every key, chats are no
//! mail, and an import is not news; a mail to oneself is both sent and received.

use chrono::TimeDelta;
use postrider_domain::labels::{CHAT, DRAFT, INBOX, SENT};
use postrider_domain::{LabelId, Timestamp};

use super::flags::has;

/// How far back a mail's own date may lie before the last time the mirror was current: deliveries are held up by hours
/// (greylisting, spam checks), imports are older by days and years.
const SLACK: TimeDelta = TimeDelta::days(1);

/// Mails found by one run that are told one by one; of the rest only batches are told.
pub const MOST_OF_A_RUN: usize = 50;
/// What is found of before this is no news any more.
const OLDEST_NEWS: TimeDelta = TimeDelta::days(7);
/// Google's clock is at most this much ahead; a date beyond it is an import's.
const AHEAD: TimeDelta = TimeDelta::minutes(10);

/// What a run may tell of mail that nobody knew: no record of history showed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GapNews {
    /// The mirror was last current then.
    pub since: Timestamp,
    /// So many more of them.
    pub left: usize,
}

/// What to raise for a mail that history added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Announce {
    pub received: bool,
    pub sent: bool,
}

impl Announce {
    pub fn any(self) -> bool {
        self.received || self.sent
    }
}

/// Decides by the mail's labels and Google's date; `current_at` is when the mirror last knew all of the mailbox.
///
/// A mail to oneself (INBOX and SENT) is both. Spam and trash are announced with their labels: who listens decides.
pub fn announce(labels: &[LabelId], internal_date: Timestamp, current_at: Timestamp) -> Announce {
    let imported = internal_date < current_at - SLACK;
    if imported || has(labels, DRAFT) || has(labels, CHAT) {
        return Announce::default();
    }
    let sent = has(labels, SENT);
    Announce { received: !sent || has(labels, INBOX), sent }
}

/// Decides for a mail that was found though no record added it: what came since then is news for a week.
pub fn found(labels: &[LabelId], internal_date: Timestamp, since: Timestamp, now: Timestamp) -> Announce {
    let young = internal_date > now - OLDEST_NEWS && internal_date <= now + AHEAD;
    match internal_date > since && young {
        true => announce(labels, internal_date, since),
        false => Announce::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_domain::{Clock, MockClock};

    #[test]
    fn drafts_imports_and_chats_are_silent_and_a_mail_to_oneself_is_both() {
        let now = MockClock::default().now();
        let ask = |labels: &[&str], date| {
            let labels: Vec<_> = labels.iter().map(|label| LabelId::parse(*label).unwrap()).collect();
            let answer = announce(&labels, date, now);
            (answer.received, answer.sent)
        };
        assert_eq!(ask(&["INBOX", "UNREAD"], now), (true, false));
        assert_eq!(ask(&["DRAFT"], now), (false, false));
        assert_eq!(ask(&["CHAT"], now), (false, false));
        assert_eq!(ask(&["SENT"], now), (false, true));
        assert_eq!(ask(&["SENT", "INBOX"], now), (true, true));
        assert_eq!(ask(&["INBOX"], now - TimeDelta::hours(5)), (true, false));
        assert_eq!(ask(&["INBOX"], now - TimeDelta::days(400)), (false, false));
    }

    #[test]
    fn what_was_found_is_news_for_a_week_and_not_before_it_came() {
        let now = MockClock::default().now();
        let inbox = [LabelId::parse("INBOX").unwrap()];
        let ago = |hours| now - TimeDelta::hours(hours);
        let ask = |date, since| found(&inbox, date, since, now).received;
        assert!(ask(ago(0), ago(200)) && ask(ago(1), ago(200)) && ask(ago(167), ago(200)));
        assert!(!ask(ago(168), ago(200)) && !ask(ago(1), ago(1)) && !ask(ago(2), ago(1)));
        assert!(!ask(ago(-1), ago(200)), "an import from the future");
    }
}
