//! The MIME forms of synthetic mails: mostly ordinary ones, and every form that has broken a mail program before.

use crate::dice::Dice;

/// The form of a synthetic mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `text/plain` in UTF-8, quoted-printable.
    #[default]
    Plain,
    /// `multipart/alternative` of text and HTML.
    Alternative,
    /// HTML without a text part.
    HtmlOnly,
    /// Long HTML with `List-Unsubscribe`, remote images and a script to be sanitised away.
    Newsletter,
    /// `multipart/mixed` with one to three attachments.
    Attachments,
    /// `multipart/related` with an image shown by `cid:` and no file name.
    InlineImage,
    /// A forwarded `message/rfc822`.
    Forwarded,
    /// An invitation with a `text/calendar` part.
    Calendar,
    /// Body and subject in ISO-2022-JP, 7-bit.
    Iso2022Jp,
    /// Body in GB18030, 8-bit; subject as an encoded word.
    Gb18030,
    /// Body in windows-1252, quoted-printable.
    Windows1252,
    /// UTF-8 bytes labelled windows-1252.
    Mislabelled,
    /// No charset and bytes that are not UTF-8; an unknown charset name in a second part.
    UnknownCharset,
    /// A subject split into encoded words inside a character.
    SplitWord,
    /// Raw 8-bit bytes in headers.
    EightBitHeaders,
    /// No `Date`.
    NoDate,
    /// No `From`.
    NoFrom,
    /// No `Subject`.
    NoSubject,
    /// NUL bytes in subject and body, which Postgres text refuses.
    NulBytes,
    /// Thirty multiparts inside each other.
    Deep,
    /// An attachment of zero bytes.
    EmptyAttachment,
    /// RFC 2231 file names, the same name twice, and a path in a name.
    OddNames,
    /// `multipart/mixed` whose boundary is missing; the part never ends.
    NoBoundary,
    /// `From`, `Subject` and `Message-ID` twice, a header named `__proto__`, bare CR line ends in the body.
    DuplicateHeaders,
    /// Two hundred small parts.
    ManyParts,
}

impl Kind {
    /// All forms.
    pub const ALL: [Self; 25] = [
        Self::Plain,
        Self::Alternative,
        Self::HtmlOnly,
        Self::Newsletter,
        Self::Attachments,
        Self::InlineImage,
        Self::Forwarded,
        Self::Calendar,
        Self::Iso2022Jp,
        Self::Gb18030,
        Self::Windows1252,
        Self::Mislabelled,
        Self::UnknownCharset,
        Self::SplitWord,
        Self::EightBitHeaders,
        Self::NoDate,
        Self::NoFrom,
        Self::NoSubject,
        Self::NulBytes,
        Self::Deep,
        Self::EmptyAttachment,
        Self::OddNames,
        Self::NoBoundary,
        Self::DuplicateHeaders,
        Self::ManyParts,
    ];

    /// A form in the proportions of a real mailbox: one mail in eighty is odd.
    pub(crate) fn roll(dice: &mut Dice) -> Self {
        match dice.below(1_000) {
            0..260 => Self::Plain,
            260..660 => Self::Alternative,
            660..760 => Self::HtmlOnly,
            760..880 => Self::Newsletter,
            880..950 => Self::Attachments,
            950..975 => Self::InlineImage,
            975..983 => Self::Calendar,
            983..988 => Self::Forwarded,
            _ => dice.pick(&Self::ALL),
        }
    }
}
