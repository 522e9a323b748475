//! Names of attachments, made safe to show and to save under.

use postrider_domain::text::truncate;

/// Longest name, in bytes: what file systems take.
const LONGEST: usize = 200;

/// The last component of a name without control and direction characters; None if nothing is left.
pub(super) fn clean(name: &str) -> Option<String> {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let safe: String = name
        .chars()
        .filter(|c| !c.is_control() && !turns_text(*c))
        .map(|c| if matches!(c, ':' | '*' | '?' | '"' | '<' | '>' | '|') { '_' } else { c })
        .collect();
    // Windows drops trailing dots and spaces; a leading dot hides the file.
    let safe = safe.trim_matches(|c: char| c == '.' || c.is_whitespace());
    (!safe.is_empty()).then(|| shorten(safe))
}

/// Characters that write text backwards, so that `gpj.exe` shows as `exe.jpg`, or show nothing at all.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// Cuts the stem, not the extension.
fn shorten(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    match name.rsplit_once('.').filter(|(_, extension)| extension.len() <= 16) {
        Some((stem, extension)) => format!("{}.{extension}", truncate(stem, LONGEST - 17)),
        None => truncate(name, LONGEST).to_owned(),
    }
}

/// A name for an attachment that has none.
pub(super) fn fallback(content_type: &str) -> &'static str {
    match content_type {
        "message/rfc822" | "message/global" => "message.eml",
        "text/calendar" => "invite.ics",
        "text/plain" => "text.txt",
        "text/html" => "page.html",
        "application/ms-tnef" => "winmail.dat",
        "application/pkcs7-signature" | "application/x-pkcs7-signature" => "smime.p7s",
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => "smime.p7m",
        "application/pgp-signature" => "signature.asc",
        _ => "attachment",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_tricks_come_to_nothing() {
        for (name, expected) in [
            ("report.pdf", Some("report.pdf")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\Windows\\System32\\evil.exe", Some("evil.exe")),
            ("..", None),
            ("/", None),
            ("a/", None),
            (" .bashrc ", Some("bashrc")),
            ("x\0y\r\nz.txt", Some("xyz.txt")),
            ("invoice\u{202E}fdp.exe", Some("invoicefdp.exe")),
            ("a:b*c?.txt", Some("a_b_c_.txt")),
            ("Übersicht 年.xlsx", Some("Übersicht 年.xlsx")),
            ("name.exe. . ", Some("name.exe")),
            ("", None),
        ] {
            assert_eq!(clean(name).as_deref(), expected, "{name:?}");
        }
    }

    #[test]
    fn long_names_keep_their_extension() {
        let long = clean(&format!("{}.pdf", "ü".repeat(500))).unwrap();
        assert!(long.len() <= LONGEST && long.ends_with("ü.pdf"));
        assert!(clean(&"a.".repeat(500)).unwrap().len() <= LONGEST);
    }
}
