//! A mail as large as Gmail takes, and what a process that handles it holds.

/// Bytes of its attachment.
pub const SIZE: usize = 50 << 20;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

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
        for chunk in line.chunks(3) {
            let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            let digit = |at: usize| DIGITS.get((bits >> (18 - 6 * at) & 63) as usize).copied().unwrap_or_default();
            raw.extend((0..4).map(|at| if at <= chunk.len() { digit(at) } else { b'=' }));
        }
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
