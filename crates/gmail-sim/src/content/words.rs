//! Words, names and text of synthetic mails.

use crate::dice::Dice;

const WORDS: [&str; 96] = [
    "the",
    "and",
    "with",
    "from",
    "about",
    "meeting",
    "project",
    "invoice",
    "report",
    "please",
    "find",
    "attached",
    "regards",
    "tomorrow",
    "schedule",
    "review",
    "update",
    "team",
    "question",
    "answer",
    "budget",
    "order",
    "shipping",
    "delivery",
    "customer",
    "account",
    "payment",
    "received",
    "confirm",
    "version",
    "release",
    "server",
    "change",
    "request",
    "access",
    "document",
    "contract",
    "signed",
    "number",
    "week",
    "month",
    "quarter",
    "travel",
    "hotel",
    "flight",
    "booking",
    "ticket",
    "family",
    "dinner",
    "weekend",
    "photos",
    "garden",
    "school",
    "music",
    "concert",
    "library",
    "book",
    "chapter",
    "draft",
    "notes",
    "summary",
    "agenda",
    "minutes",
    "decision",
    "deadline",
    "status",
    "progress",
    "blocked",
    "ready",
    "done",
    "next",
    "steps",
    "thanks",
    "cheers",
    "best",
    "hello",
    "dear",
    "all",
    "nothing",
    "something",
    "café",
    "naïve",
    "über",
    "straße",
    "jalapeño",
    "résumé",
    "zażółć",
    "Ελλάδα",
    "привет",
    "世界",
    "price",
    "offer",
    "only",
    "today",
    "until",
    "sunday",
];

const FIRST: [&str; 20] = [
    "Ada", "Grace", "Linus", "Barbara", "Ken", "Margaret", "Dennis", "Radia", "Edsger", "Frances", "José", "Zoë",
    "Søren", "Łukasz", "Yuki", "Mei", "Ivan", "Noor", "Chidi", "Priya",
];

const LAST: [&str; 16] = [
    "Miller", "Schmidt", "García", "Rossi", "Novák", "Tanaka", "Okafor", "Larsen", "Dubois", "Silva", "Kowalska",
    "Haddad", "Nguyen", "Murphy", "O'Brien", "Petrov",
];

const DOMAINS: [&str; 6] =
    ["example.com", "example.org", "example.net", "mail.example.com", "shop.example.org", "news.example.net"];

/// A person: display name and address.
pub(super) fn person(dice: &mut Dice) -> (String, String) {
    let (first, last) = (dice.pick(&FIRST), dice.pick(&LAST));
    let ascii: String = format!("{first}.{last}").chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
    (format!("{first} {last}"), format!("{}@{}", ascii.to_lowercase(), dice.pick(&DOMAINS)))
}

/// A line of three to seven words, the first one capitalised.
pub(super) fn title(dice: &mut Dice) -> String {
    let count = dice.between(3, 7);
    let mut line = String::new();
    for at in 0..count {
        let word = dice.pick(&WORDS);
        if at == 0 {
            line.extend(word.chars().take(1).flat_map(char::to_uppercase));
            line.extend(word.chars().skip(1));
        } else {
            line.push(' ');
            line.push_str(word);
        }
    }
    line
}

/// Paragraphs of prose, about `bytes` long, separated by empty lines.
pub(super) fn prose(dice: &mut Dice, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 64);
    let mut column = 0;
    while text.len() < bytes {
        let word = dice.pick(&WORDS);
        text.push_str(word);
        column += word.len() + 1;
        match dice.below(64) {
            0 => {
                text.push_str(".\n\n");
                column = 0;
            }
            1..8 => text.push_str(". "),
            _ if column > 68 => {
                text.push('\n');
                column = 0;
            }
            _ => text.push(' '),
        }
    }
    text.push_str(".\n");
    text
}
