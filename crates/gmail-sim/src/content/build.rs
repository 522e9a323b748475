//! Ordinary synthetic mails: headers, then a body by kind.

use chrono::DateTime;

use super::part::{self, header, put};
use super::{Kind, Letter, Note, Sizes, odd, words};
use crate::dice::Dice;

/// What a body writer works with.
pub(super) struct Draft<'a> {
    pub out: Vec<u8>,
    pub text: String,
    pub dice: &'a mut Dice,
    pub sizes: Sizes,
    /// Boundaries differ for each mail.
    pub boundary: String,
}

/// Writes a mail; gives its bytes and its text (for the snippet).
pub(super) fn mail(letter: &Letter, note: Option<&Note>, kind: Kind, dice: &mut Dice) -> (Vec<u8>, String) {
    let length = match (letter.sizes, kind) {
        (Sizes::Small, _) => dice.between(60, 200),
        (Sizes::Realistic, Kind::Newsletter) => dice.between(6_000, 40_000),
        (Sizes::Realistic, _) => dice.between(200, 1_500) * dice.between(1, 4),
    };
    let mut text = words::prose(dice, usize::try_from(length).unwrap_or(1_000));
    if let Some(body) = note.and_then(|note| note.body.as_deref()) {
        text.insert_str(0, "\n\n");
        text.insert_str(0, body);
    }
    let boundary = format!("=_sim_{:016x}", dice.bits());
    let mut draft = Draft { out: Vec::with_capacity(text.len() * 3), text, dice, sizes: letter.sizes, boundary };
    headers(&mut draft, letter, note, kind);
    body(&mut draft, kind);
    (draft.out, draft.text)
}

fn headers(draft: &mut Draft<'_>, letter: &Letter, note: Option<&Note>, kind: Kind) {
    // The people and the subject of a thread come from the thread's id, so that replies fit together.
    let mut thread = Dice::derive(letter.seed, letter.thread.0);
    let (name, address) = words::person(&mut thread);
    let subject = words::title(&mut thread);
    let other = part::mailbox(&name, &address);
    let own = letter.address.to_string();
    let (from, to) = if letter.outgoing { (own, other) } else { (other, own) };
    let chosen = |pick: fn(&Note) -> Option<&String>| note.and_then(pick).map(|value| part::given(value));
    let from = chosen(|note| note.from.as_ref()).unwrap_or(from);
    let to = chosen(|note| note.to.as_ref()).unwrap_or(to);
    let reply = letter.thread != letter.id;
    let subject = match note.and_then(|note| note.subject.clone()) {
        Some(subject) => subject,
        None if reply => format!("Re: {subject}"),
        None => subject,
    };
    let out = &mut draft.out;
    put(
        out,
        &format!("Delivered-To: {}\r\nReceived: by 2002:a05:6a10:1 with SMTP id sim{}\r\n", letter.address, letter.id),
    );
    if kind != Kind::NoFrom {
        put(out, &format!("From: {from}\r\n"));
    }
    put(out, &format!("To: {to}\r\n"));
    if kind != Kind::NoDate {
        let date = DateTime::from_timestamp_millis(letter.date).unwrap_or_default();
        header(out, "Date", &date.to_rfc2822());
    }
    header(out, "Message-ID", &format!("<{}@mail.sim.example>", letter.id));
    if reply {
        header(out, "In-Reply-To", &format!("<{}@mail.sim.example>", letter.thread));
        header(out, "References", &format!("<{}@mail.sim.example>", letter.thread));
    }
    odd::subject(out, kind, &subject);
    put(out, "MIME-Version: 1.0\r\n");
    if kind == Kind::Newsletter {
        header(out, "List-Id", "Weekly news <weekly.news.example.net>");
        header(out, "List-Unsubscribe", "<https://news.example.net/unsubscribe?u=1>");
        header(out, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
        header(out, "Precedence", "bulk");
    }
}

fn body(draft: &mut Draft<'_>, kind: Kind) {
    match kind {
        Kind::Plain | Kind::NoDate | Kind::NoFrom | Kind::NoSubject | Kind::SplitWord => {
            part::text(&mut draft.out, "text/plain", "UTF-8", draft.text.as_bytes());
        }
        Kind::Alternative | Kind::EightBitHeaders => alternative(draft),
        Kind::HtmlOnly => part::text(&mut draft.out, "text/html", "UTF-8", part::html(&draft.text).as_bytes()),
        Kind::Newsletter => newsletter(draft),
        Kind::Attachments => attachments(draft),
        Kind::InlineImage => inline_image(draft),
        Kind::Forwarded => forwarded(draft),
        Kind::Calendar => calendar(draft),
        odd => odd::body(draft, odd),
    }
}

impl Draft<'_> {
    /// Starts a multipart of the given subtype.
    pub fn open(&mut self, subtype: &str) {
        put(&mut self.out, &format!("Content-Type: multipart/{subtype}; boundary=\"{}\"\r\n\r\n", self.boundary));
    }

    /// Starts the next part.
    pub fn next(&mut self) {
        put(&mut self.out, &format!("--{}\r\n", self.boundary));
    }

    /// Ends the multipart.
    pub fn close(&mut self) {
        put(&mut self.out, &format!("--{}--\r\n", self.boundary));
    }

    /// The text as a part.
    pub fn text_part(&mut self) {
        self.next();
        part::text(&mut self.out, "text/plain", "UTF-8", self.text.as_bytes());
    }
}

fn alternative(draft: &mut Draft<'_>) {
    draft.open("alternative");
    draft.text_part();
    draft.next();
    part::text(&mut draft.out, "text/html", "UTF-8", part::html(&draft.text).as_bytes());
    draft.close();
}

fn newsletter(draft: &mut Draft<'_>) {
    let mut html = String::from(
        "<html><head><style>p{color:#333}</style><script>alert(1)</script></head>\
         <body><img src=\"https://tracker.example.net/open.gif?u=1\" width=1 height=1>",
    );
    html.push_str(&part::html(&draft.text));
    html.push_str("<a href=\"javascript:alert(2)\" onclick=\"alert(3)\">more</a></body></html>");
    draft.open("alternative");
    draft.text_part();
    draft.next();
    part::text(&mut draft.out, "text/html", "UTF-8", html.as_bytes());
    draft.close();
}

fn attachments(draft: &mut Draft<'_>) {
    const FILES: [(&str, &str); 5] = [
        ("application/pdf", "report.pdf"),
        ("image/png", "picture.png"),
        ("application/zip", "archive.zip"),
        ("text/csv", "numbers.csv"),
        ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "letter.docx"),
    ];
    draft.open("mixed");
    draft.text_part();
    for _ in 0..draft.dice.between(1, 3) {
        let (mime, name) = draft.dice.pick(&FILES);
        let bytes = match draft.sizes {
            Sizes::Small => draft.dice.between(40, 300),
            // Most are tens of kilobytes, one in fifty up to a megabyte.
            Sizes::Realistic if draft.dice.chance(0.02) => draft.dice.between(200_000, 1_000_000),
            Sizes::Realistic => draft.dice.between(2_000, 90_000),
        };
        draft.next();
        let disposition = format!("Content-Disposition: attachment; filename=\"{name}\"");
        part::file(&mut draft.out, mime, &disposition, draft.dice, bytes);
    }
    draft.close();
}

fn inline_image(draft: &mut Draft<'_>) {
    let html = format!("{}<img src=\"cid:picture@sim\">", part::html(&draft.text));
    draft.open("related");
    draft.next();
    part::text(&mut draft.out, "text/html", "UTF-8", html.as_bytes());
    draft.next();
    let bytes = if draft.sizes == Sizes::Small { 60 } else { draft.dice.between(500, 20_000) };
    let disposition = "Content-Disposition: inline\r\nContent-ID: <picture@sim>";
    part::file(&mut draft.out, "image/png", disposition, draft.dice, bytes);
    draft.close();
}

fn forwarded(draft: &mut Draft<'_>) {
    draft.open("mixed");
    draft.text_part();
    draft.next();
    put(
        &mut draft.out,
        "Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=\"forwarded.eml\"\r\n\r\n",
    );
    put(&mut draft.out, "From: inner@example.org\r\nTo: someone@example.org\r\nSubject: The inner mail\r\n");
    put(&mut draft.out, "Date: Mon, 5 Jan 2026 10:00:00 +0000\r\nContent-Type: text/plain\r\n\r\nInner text.\r\n\r\n");
    draft.close();
}

fn calendar(draft: &mut Draft<'_>) {
    draft.open("mixed");
    draft.text_part();
    draft.next();
    put(&mut draft.out, "Content-Type: text/calendar; charset=UTF-8; method=REQUEST; name=\"invite.ics\"\r\n\r\n");
    put(
        &mut draft.out,
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:sim-1@example.com\r\n",
    );
    put(&mut draft.out, "DTSTART:20260105T100000Z\r\nSUMMARY:Review\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n");
    draft.close();
}
