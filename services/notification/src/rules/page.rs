//! What a mail says, before it has a form: titles and lines of plain text, from which everything is taken that could
//! mislead a reader.

use chrono::TimeDelta;
use postrider_domain::Timestamp;

use super::kind::Kind;
use super::preferences::Frequency;
use super::zone::{instant, zone};

/// Most that one mail names; the rest is counted.
const NAMED: usize = 50;
/// Longest line, in characters.
const LINE: usize = 300;

/// A mail's text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Also the subject.
    pub title: String,
    pub intro: Vec<String>,
    pub items: Vec<Item>,
    pub action: Option<Action>,
    pub footer: Vec<String>,
    /// Where its reader ends mails of this kind.
    pub unsubscribe: Option<String>,
}

/// One of the things it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub title: String,
    pub lines: Vec<String>,
}

/// What its reader may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub label: String,
    pub url: String,
}

/// A notification, as a mail tells it.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    pub kind: Kind,
    pub title: &'a str,
    pub message: &'a str,
    pub snippet: &'a str,
    pub at: Timestamp,
    /// Without it nothing of it leaves the house but its kind and time. It is its account's say.
    pub content: bool,
}

/// One notification. Times are shown by a zone, here and below.
pub fn notice(told: &Told<'_>, zone: &str) -> Page {
    let title = if told.content { told.title } else { headline(told.kind) };
    Page { title: line(title, LINE), items: vec![item(told, zone)], footer: alerts(), ..Page::default() }
}

/// What waited for the end of quiet hours, newest first. `count` of them there are.
pub fn waited(told: &[Told<'_>], count: usize, zone: &str) -> Page {
    let title = format!("{} while you did not want to be disturbed", notifications(count));
    Page { title, items: items(told, zone), intro: more(told.len(), count), footer: alerts(), ..Page::default() }
}

/// A digest.
pub fn digest(
    frequency: Frequency,
    (start, end): (Timestamp, Timestamp),
    told: &[Told<'_>],
    count: usize,
    zone: &str,
) -> Page {
    let word = match frequency {
        Frequency::Daily => "daily ",
        Frequency::Weekly => "weekly ",
        Frequency::Monthly => "monthly ",
        Frequency::None => "",
    };
    let span = format!("From {} to {} ({zone}).", time(start, zone), time(end, zone));
    let intro = [span].into_iter().chain(more(told.len(), count)).collect();
    Page {
        title: format!("Your {word}digest: {}", notifications(count)),
        intro,
        items: items(told, zone),
        footer: vec!["You get this because you have chosen digests of your notifications.".to_owned()],
        ..Page::default()
    }
}

/// Asks an address whether it wants mails.
pub fn confirm(user: &str, url: String) -> Page {
    Page {
        title: "Shall notifications go to this address?".to_owned(),
        intro: vec![
            format!("The user {} wants notifications about mailboxes to be sent here.", line(user, 128)),
            "If that is not you, do nothing: without your confirmation nothing more is sent.".to_owned(),
        ],
        action: Some(Action { label: "Confirm the address (good for a day)".to_owned(), url }),
        footer: vec!["You get this once, because somebody has entered your address.".to_owned()],
        ..Page::default()
    }
}

fn items(told: &[Told<'_>], zone: &str) -> Vec<Item> {
    told.iter().take(NAMED).map(|told| item(told, zone)).collect()
}

fn item(told: &Told<'_>, zone: &str) -> Item {
    let when = time(told.at, zone);
    if !told.content {
        return Item { title: headline(told.kind).to_owned(), lines: vec![when] };
    }
    let lines = [told.message, told.snippet].into_iter().filter(|text| !text.trim().is_empty());
    Item {
        title: line(told.title, LINE),
        lines: lines.map(|text| line(text, LINE)).chain(std::iter::once(when)).collect(),
    }
}

fn more(named: usize, count: usize) -> Vec<String> {
    let rest = count.saturating_sub(named.min(NAMED));
    if rest == 0 { Vec::new() } else { vec![format!("The newest {} of {count}.", count - rest)] }
}

fn notifications(count: usize) -> String {
    if count == 1 { "1 notification".to_owned() } else { format!("{count} notifications") }
}

fn alerts() -> Vec<String> {
    vec!["You get this because you have chosen to be notified by e-mail.".to_owned()]
}

/// What is said of a kind where the content is nobody's business.
fn headline(kind: Kind) -> &'static str {
    match kind {
        Kind::NewMessage => "A new message",
        Kind::SyncComplete => "A mailbox is synced",
        Kind::SyncFailed => "A mailbox could not be synced",
        Kind::ErrorOccurred => "An account needs you",
        Kind::MessageSent => "A message was sent",
        Kind::AttachmentDownloaded => "An attachment was downloaded",
        Kind::QuotaWarning => "The Gmail quota is running out",
        Kind::Custom => "A notification",
    }
}

/// `2026-11-29 09:00` on that zone's clocks, to the minute that has begun.
fn time(at: Timestamp, name: &str) -> String {
    let zone = zone(name).unwrap_or(jiff::tz::TimeZone::UTC);
    let minute = at - TimeDelta::seconds(at.timestamp().rem_euclid(60));
    instant(minute).to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string()
}

/// One line of text: white space for what breaks lines, nothing for what turns the direction of reading round, and no more
/// than so many characters.
pub fn line(text: &str, most: usize) -> String {
    let turns = |c: &char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain = text.chars().filter(|c| !turns(c)).map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { c });
    let mut short: String = plain.take(most.saturating_add(1)).collect();
    if short.chars().count() > most {
        short = short.chars().take(most.saturating_sub(1)).chain(std::iter::once('…')).collect();
    }
    short.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: Kind) -> Told<'static> {
        let at = Timestamp::from_timestamp(1_780_347_600, 0).unwrap();
        Told { kind, title: "New message from Ann", message: "Secret plan", snippet: "at dawn", at, content: true }
    }

    const ZONE: &str = "Europe/Berlin";

    #[test]
    fn without_content_only_kind_and_time_are_told() {
        for kind in Kind::ALL {
            let all = [Told { content: false, ..told(*kind) }; 2];
            let span = (all[0].at, all[1].at);
            for page in [notice(&all[0], ZONE), waited(&all, 2, ZONE), digest(Frequency::Daily, span, &all, 2, ZONE)] {
                let text = format!("{page:?}");
                assert!(!text.contains("Ann") && !text.contains("plan") && !text.contains("dawn"), "{text}");
                assert!(text.contains("2026-06-01 23:00"), "{text}");
            }
        }
        let page = notice(&told(Kind::NewMessage), ZONE);
        assert_eq!(page.title, "New message from Ann");
        assert_eq!(page.items[0].lines, ["Secret plan", "at dawn", "2026-06-01 23:00"]);
    }

    #[test]
    fn a_mail_names_fifty_and_counts_the_rest() {
        let many = vec![told(Kind::NewMessage); 60];
        let page = waited(&many, 312, ZONE);
        assert_eq!((page.items.len(), page.intro), (50, vec!["The newest 50 of 312.".to_owned()]));
        assert!(waited(&many[..2], 2, ZONE).intro.is_empty());
    }

    #[test]
    fn a_line_is_one_line_and_reads_in_its_own_direction() {
        assert_eq!(line(" a\r\nBcc: b\u{202e}c\u{0} ", 100), "a  Bcc: bc");
        assert_eq!(line(&"ü".repeat(10), 5), "üüüü…");
        assert_eq!(line("üüüüü", 5), "üüüüü");
    }
}
