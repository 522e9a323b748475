//! Packages, whole and broken.

use proptest::prelude::*;

use super::*;

fn attribute_of(id: u32, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap();
    [&[2][..], &id.to_le_bytes(), &length.to_le_bytes(), data, &[0, 0]].concat()
}

/// A property of a kind that has a length.
fn property_of(kind: u16, id: u16, value: &[u8]) -> Vec<u8> {
    let length = u32::try_from(value.len()).unwrap();
    let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
    [&kind.to_le_bytes()[..], &id.to_le_bytes(), &1_u32.to_le_bytes(), &length.to_le_bytes(), value, &padding].concat()
}

fn utf16_of(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

fn package() -> Vec<u8> {
    let number = [&3_u16.to_le_bytes()[..], &0x3705_u16.to_le_bytes(), &1_u32.to_le_bytes()].concat();
    let named = [
        &0x1E_u16.to_le_bytes()[..],
        &0x8001_u16.to_le_bytes(),
        &[7; 16],
        &1_u32.to_le_bytes(),
        &6_u32.to_le_bytes(),
        b"a\0b\0\0\0\0\0",
        &1_u32.to_le_bytes(),
        &2_u32.to_le_bytes(),
        b"x\0\0\0",
    ]
    .concat();
    let properties = [
        &5_u32.to_le_bytes()[..],
        &number,
        &named,
        &property_of(0x1F, 0x3707, &utf16_of("Übersicht.pdf")),
        &property_of(0x1E, 0x370E, b"Application/PDF\0"),
        &property_of(0x1E, 0x3712, b"<plan@x>\0"),
    ]
    .concat();
    [
        SIGNATURE,
        &[1, 0],
        &attribute_of(CODE_PAGE, &1251_u32.to_le_bytes()),
        &attribute_of(BEGIN, &[0; 14]),
        &attribute_of(TITLE, b"SHORT~1.PDF\0"),
        &attribute_of(DATA, b"PDF!"),
        &attribute_of(PROPERTIES, &properties),
        &attribute_of(BEGIN, &[0; 14]),
        &attribute_of(TITLE, b"\xcf\xeb\xe0\xed.txt\0"),
        &attribute_of(DATA, b"text"),
    ]
    .concat()
}

#[test]
fn a_package_is_opened() {
    let package = package();
    let files = open(&package).unwrap();
    let shown: Vec<_> = files
        .iter()
        .map(|file| (file.name.as_deref().unwrap(), file.media_type.as_str(), file.content_id.as_deref(), file.bytes))
        .collect();
    assert_eq!(
        shown,
        [
            ("Übersicht.pdf", "application/pdf", Some("plan@x"), &b"PDF!"[..]),
            ("План.txt", "application/octet-stream", None, b"text"),
        ]
    );
    assert_eq!(open(b"no package"), None);
    // What is cut is read as far as it goes.
    assert_eq!(open(&package[..package.len() - 8]).unwrap().len(), 2);
    assert_eq!(open(&package[..40]).unwrap(), []);
}

proptest! {
    #[test]
    fn damage_never_panics(edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
                           cut in any::<prop::sample::Index>()) {
        let mut package = package();
        for (at, byte) in edits {
            let at = at.index(package.len());
            package[at] = byte;
        }
        package.truncate(cut.index(package.len() + 1));
        let _ = open(&package);
    }
}
