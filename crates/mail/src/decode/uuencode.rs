//! Uuencode, as the transfer encoding `x-uuencode`.

use memchr::memmem;

/// The bytes between `begin` and `end`; None if there is no such block.
pub(crate) fn decode(data: &[u8]) -> Option<Vec<u8>> {
    let begin = if data.starts_with(b"begin ") { 0 } else { memmem::find(data, b"\nbegin ")? + 1 };
    let mut at = crate::header::block::line_end(data, begin);
    let mut out = Vec::with_capacity(data.len() / 4 * 3);
    while at < data.len() {
        let end = crate::header::block::line_end(data, at);
        let line = data.get(at..end).unwrap_or_default();
        at = end;
        if line.trim_ascii() == b"end" {
            break;
        }
        let Some((length, digits)) = line.split_first() else { continue };
        let wanted = usize::from(length.wrapping_sub(0x20) & 0x3F);
        let from = out.len();
        for quad in digits.chunks(4) {
            let bits = (0..4).fold(0_u32, |bits, at| {
                let digit = quad.get(at).filter(|byte| byte.is_ascii_graphic()).copied().unwrap_or(0x20);
                bits << 6 | u32::from(digit.wrapping_sub(0x20) & 0x3F)
            });
            let [_, bytes @ ..] = bits.to_be_bytes();
            out.extend_from_slice(&bytes);
        }
        out.truncate((from + wanted).min(out.len()));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_uuencode_wrote() {
        let data = b"see below\r\nbegin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\n";
        assert_eq!(decode(data).as_deref(), Some(&b"Cat"[..]));
        let long = b"begin 644 x\n%:&5L;&\\\n`\nend\n";
        assert_eq!(decode(long).as_deref(), Some(&b"hello"[..]));
        assert_eq!(decode(b"no block"), None);
    }
}
