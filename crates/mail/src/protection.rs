//! Signed and encrypted mail is kept as it is, and named.

use super::mime::content::Content;
use super::mime::tree::Tree;

/// How a mail, or its main part, is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protection {
    SmimeSigned,
    SmimeEncrypted,
    PgpSigned,
    PgpEncrypted,
}

impl Protection {
    /// A stable word for rows and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SmimeSigned => "smime_signed",
            Self::SmimeEncrypted => "smime_encrypted",
            Self::PgpSigned => "pgp_signed",
            Self::PgpEncrypted => "pgp_encrypted",
        }
    }
}

/// Parts looked at: protection wraps the mail, or stands beside a list's footer.
const PARTS: usize = 10;

/// By the types of its outer parts, else by its text.
pub(super) fn of(tree: &Tree<'_>, text: Option<&str>) -> Option<Protection> {
    let parts = 0..tree.parts.len().min(PARTS);
    parts.into_iter().find_map(|id| by_type(&tree.content(id))).or_else(|| text.and_then(by_text))
}

fn by_type(content: &Content) -> Option<Protection> {
    let param = |name: &str| content.params.get(name).unwrap_or_default().to_ascii_lowercase();
    match content.media_type.as_str() {
        "multipart/encrypted" => Some(Protection::PgpEncrypted),
        "multipart/signed" if param("protocol").contains("pgp") => Some(Protection::PgpSigned),
        "multipart/signed" => Some(Protection::SmimeSigned),
        "application/pkcs7-mime" | "application/x-pkcs7-mime" => match param("smime-type").as_str() {
            "signed-data" | "certs-only" => Some(Protection::SmimeSigned),
            _ => Some(Protection::SmimeEncrypted),
        },
        _ => None,
    }
}

fn by_text(text: &str) -> Option<Protection> {
    let text = text.trim_start();
    if text.starts_with("-----BEGIN PGP MESSAGE-----") {
        Some(Protection::PgpEncrypted)
    } else if text.starts_with("-----BEGIN PGP SIGNED MESSAGE-----") {
        Some(Protection::PgpSigned)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protected_mail_is_named() {
        let named = |source: &str| of(&Tree::read(source.as_bytes()), source.split("\n\n").nth(1));
        for (source, expected) in [
            (
                "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\n\n",
                Some(Protection::PgpSigned),
            ),
            ("Content-Type: multipart/signed; boundary=b\n\n", Some(Protection::SmimeSigned)),
            ("Content-Type: application/pkcs7-mime; smime-type=enveloped-data\n\nx", Some(Protection::SmimeEncrypted)),
            ("Content-Type: application/x-pkcs7-mime; smime-type=signed-data\n\nx", Some(Protection::SmimeSigned)),
            ("A: b\n\n-----BEGIN PGP MESSAGE-----\nx", Some(Protection::PgpEncrypted)),
            ("A: b\n\n-----BEGIN PGP SIGNED MESSAGE-----\nx", Some(Protection::PgpSigned)),
            ("A: b\n\nplain", None),
        ] {
            let source =
                if source.contains("multipart") { format!("{source}--b\n\nx\n--b--") } else { source.to_owned() };
            assert_eq!(named(&source), expected, "{source}");
        }
    }
}
