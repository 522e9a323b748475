//! Mails a second on one core, of a mix like a mailbox's: this crate's [`parse`], which also makes HTML harmless and text of
//! it, and mail-parser beside it, which only takes mails apart.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

use mail_parser::{MessageParser, MimeHeaders};
use postrider_mail::parse;

fn main() -> io::Result<()> {
    let mails = mix();
    let bytes: usize = mails.iter().map(String::len).sum();
    let mut out = io::stdout().lock();
    writeln!(out, "{} mails, {} KB on average", mails.len(), bytes / mails.len() / 1000)?;
    for (name, read) in [("postrider", &ours as &dyn Fn(&[u8]) -> usize), ("mail-parser", &theirs)] {
        let best = (0..15).map(|_| pass(&mails, read)).min().unwrap_or_default().as_secs_f64();
        let count = u32::try_from(mails.len()).unwrap_or(u32::MAX);
        let megabytes = u32::try_from(bytes / 1000).map_or(0.0, f64::from) / 1000.0;
        writeln!(
            out,
            "{name:12} {:6.0} mails a second, {:5.0} MB a second",
            f64::from(count) / best,
            megabytes / best
        )?;
    }
    Ok(())
}

fn pass(mails: &[String], read: &dyn Fn(&[u8]) -> usize) -> Duration {
    let start = running();
    let found: usize = mails.iter().map(|mail| read(mail.as_bytes())).sum();
    std::hint::black_box(found);
    running().saturating_sub(start)
}

/// How long this thread has been running: others on the machine make it wait, not slower. Linux tells it.
fn running() -> Duration {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = statistics.split(' ').next().and_then(|number| number.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or_default())
}

fn ours(raw: &[u8]) -> usize {
    let mail = parse(raw);
    mail.text.map_or(0, |text| text.len()) + mail.html.map_or(0, |html| html.len()) + mail.attachments.len()
}

fn theirs(raw: &[u8]) -> usize {
    let Some(mail) = MessageParser::default().parse(raw) else { return 0 };
    let files: usize =
        mail.attachments().map(|part| part.contents().len() + part.attachment_name().map_or(0, str::len)).sum();
    mail.body_text(0).map_or(0, |text| text.len()) + mail.body_html(0).map_or(0, |html| html.len()) + files
}

/// Of 100 mails 30 are answers, 35 newsletters, 25 notices, 9 bring a file, one is an invitation.
fn mix() -> Vec<String> {
    (0..100)
        .map(|number| match number {
            0..30 => answer(number),
            30..65 => newsletter(number),
            65..90 => notice(number),
            90..99 => with_file(number),
            _ => invitation(),
        })
        .collect()
}

fn head(number: usize) -> String {
    let mut head = String::new();
    for hop in 0..6 {
        let _ = write!(
            head,
            "Received: from mx{hop}.example.org (mx{hop}.example.org [192.0.2.{hop}])\r\n\tby mx.example.net with ESMTPS id {number};\r\n\tFri, 20 Nov 2026 10:00:0{hop} +0000\r\n"
        );
    }
    let _ = write!(
        head,
        "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1;\r\n\tb={}\r\nFrom: =?utf-8?Q?J=C3=B6rg_Baker?= <joerg@example.org>\r\nTo: \"Doe, Jane\" <jane@example.net>, Bob <bob@example.net>\r\nSubject: =?utf-8?B?R3LDvMOfZSBmcm9t?= number {number}\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{number}@example.org>\r\nMIME-Version: 1.0\r\n",
        "QUJD".repeat(80)
    );
    head
}

fn words(count: usize) -> String {
    let all = [
        "the",
        "gate",
        "is",
        "painted",
        "caf=C3=A9",
        "tomorrow,",
        "and",
        "nobody",
        "knows",
        "why",
        "it",
        "took",
        "so",
        "long.",
    ];
    let mut text = String::new();
    for (at, word) in all.iter().cycle().take(count).enumerate() {
        text.push_str(word);
        text.push_str(if at % 12 == 11 { "\r\n" } else { " " });
    }
    text
}

fn table(rows: usize) -> String {
    let mut html = "<html><head><meta charset=utf-8><style>td { color: red }</style></head><body bgcolor=\"#ffffff\"><table width=\"600\" cellpadding=\"0\">\r\n".to_owned();
    for row in 0..rows {
        let _ = write!(
            html,
            "<tr><td style=\"padding: 0 10px; font-family: Arial, sans-serif; font-size: 14px\">\r\n<a href=\"https://click.example.org/track?u={row}&amp;c=42\" style=\"color: #333\">Offer {row}</a>&nbsp;<b>now</b></td>\r\n<td align=\"right\"><img src=\"https://img.example.org/{row}.png\" width=\"120\" alt=\"Offer {row}\"></td></tr>\r\n"
        );
    }
    html + "</table></body></html>\r\n"
}

fn answer(number: usize) -> String {
    format!(
        "{}Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{}",
        head(number),
        words(500)
    )
}

fn newsletter(number: usize) -> String {
    let html = table(150).replace('=', "=3D");
    format!(
        "{}Content-Type: multipart/alternative; boundary=alt\r\n\r\n--alt\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{}\r\n--alt\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{html}\r\n--alt--\r\n",
        head(number),
        words(600)
    )
}

fn notice(number: usize) -> String {
    format!("{}Content-Type: text/html; charset=utf-8\r\n\r\n{}", head(number), table(30))
}

fn with_file(number: usize) -> String {
    let file = format!("{}\r\n", "QUJD".repeat(19)).repeat(4_000);
    format!(
        "{}Content-Type: multipart/mixed; boundary=mix\r\n\r\n--mix\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{}\r\n--mix\r\nContent-Type: application/pdf; name=\"report {number}.pdf\"\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n{file}--mix--\r\n",
        head(number),
        words(100)
    )
}

fn invitation() -> String {
    format!(
        "{}Content-Type: multipart/alternative; boundary=alt\r\n\r\n--alt\r\n\r\nCome!\r\n--alt\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Gate\r\nDTSTART:20261120T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n--alt--\r\n",
        head(0)
    )
}
