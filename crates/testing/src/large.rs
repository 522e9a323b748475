//! A mail as large as Gmail takes, and what a process that handles it holds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Bytes of its attachment.
pub const SIZE: usize = 50 << 20;

/// The attachment: bytes that no compressor makes small.
pub fn content() -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..SIZE / 8).flat_map(|_| next().to_le_bytes()).collect()
}

/// The mail `a film` that carries it as `film.mp4`.
pub fn mail(content: &[u8]) -> Vec<u8> {
    let mut raw = b"From: zoe@example.org\r\nTo: ann@example.com\r\nSubject: a film\r\nContent-Type: multipart/mixed; \
        boundary=x\r\n\r\n--x\r\n\r\nsee the film\r\n--x\r\nContent-Type: video/mp4; name=film.mp4\r\n\
        Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    for line in content.chunks(57) {
        raw.extend_from_slice(STANDARD.encode(line).as_bytes());
        raw.extend_from_slice(b"\r\n");
    }
    raw.extend_from_slice(b"--x--\r\n");
    raw
}

/// What a process holds for itself, in KiB: its program's pages come in as they are first run, can be read again, and count
/// for nobody.
///
/// # Panics
/// When there is no such process.
pub fn own_memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok());
    kib.unwrap_or_else(|| panic!("process {pid} is not there"))
}
