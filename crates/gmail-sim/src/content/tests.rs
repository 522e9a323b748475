use mail_parser::{MessageParser, MimeHeaders};

use super::*;

fn letter(kind: Kind, sizes: Sizes) -> Letter {
    let note = Note { kind: Some(kind), ..Note::default() };
    Letter {
        seed: 7,
        address: "demo@example.com".into(),
        sizes,
        id: MsgId(0x19a0_0000_0000_0001),
        thread: MsgId(0x19a0_0000_0000_0001),
        date: 1_767_225_600_000,
        outgoing: false,
        source: Source::Made { index: 3, note: Some(Arc::new(note)) },
    }
}

fn parsed<T>(kind: Kind, look: impl FnOnce(&mail_parser::Message<'_>) -> T) -> T {
    let rendered = letter(kind, Sizes::Small).render();
    look(&MessageParser::default().parse(rendered.raw.as_ref()).unwrap())
}

#[test]
fn mail_parser_reads_every_kind_and_rendering_repeats() {
    for kind in Kind::ALL {
        for sizes in [Sizes::Small, Sizes::Realistic] {
            let letter = letter(kind, sizes);
            let rendered = letter.render();
            assert_eq!(rendered, letter.render(), "{kind:?}");
            let mail = MessageParser::default().parse(rendered.raw.as_ref()).unwrap_or_else(|| panic!("{kind:?}"));
            assert_eq!(mail.from().is_none(), kind == Kind::NoFrom, "{kind:?}");
            assert_eq!(mail.date().is_none(), kind == Kind::NoDate, "{kind:?}");
            assert_eq!(mail.subject().is_none(), kind == Kind::NoSubject, "{kind:?}");
            assert!(rendered.snippet.chars().count() >= 10, "{kind:?}: {:?}", rendered.snippet);
        }
    }
}

#[test]
fn charsets_decode_to_the_text_that_was_meant() {
    for (kind, subject) in
        [(Kind::Iso2022Jp, "こんにちは"), (Kind::Gb18030, "你好，世界"), (Kind::Windows1252, "Grüße – 5 €")]
    {
        parsed(kind, |mail| {
            assert_eq!(mail.subject(), Some(subject));
            assert!(mail.body_text(0).unwrap().starts_with(subject), "{kind:?}: {:?}", mail.body_text(0));
        });
    }
}

#[test]
fn parts_are_where_they_belong() {
    parsed(Kind::EmptyAttachment, |mail| {
        let empty = mail.attachments().next().unwrap();
        assert_eq!((empty.attachment_name(), empty.contents().len()), (Some("empty.bin"), 0));
    });
    parsed(Kind::OddNames, |mail| {
        let names: Vec<_> = mail.attachments().map(|part| part.attachment_name().unwrap_or("").to_owned()).collect();
        assert_eq!(names.first().map(String::as_str), Some("naïve €.txt"));
        assert_eq!(names.iter().filter(|name| *name == "same.txt").count(), 2);
    });
    parsed(Kind::InlineImage, |mail| {
        assert!(mail.parts.iter().any(|part| part.content_id() == Some("picture@sim")));
    });
    parsed(Kind::ManyParts, |mail| assert!(mail.parts.len() > 200));
}

#[test]
fn snippets_are_escaped_and_short() {
    assert_eq!(snippet("a <b> & \"c\"\n\n it's"), "a &lt;b&gt; &amp; &quot;c&quot; it&#39;s");
    assert_eq!(snippet(&"x ".repeat(200)).chars().count(), 100);
}

#[test]
fn notes_cannot_break_out_of_their_header() {
    let note = Note { subject: Some("hi\r\nBcc: evil@example.com".into()), ..Note::default() };
    let mut letter = letter(Kind::Plain, Sizes::Small);
    letter.source = Source::Made { index: 1, note: Some(Arc::new(note)) };
    let rendered = letter.render();
    let mail = MessageParser::default().parse(rendered.raw.as_ref()).unwrap();
    assert!(mail.bcc().is_none());
}
