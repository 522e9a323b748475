//! Mails changed at random, the same from the same seed.

use std::path::Path;

/// Numbers from a seed (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// What means something to one of the readers.
const PIECES: [&[u8]; 72] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b"\0",
    b" ",
    b"\t",
    b"--",
    b"\r\n--",
    b"=",
    b"==",
    b"=\r\n",
    b"=3D",
    b"=C3",
    b"=?",
    b"?=",
    b"=?utf-8?B?",
    b"=?utf-8?Q?",
    b"=?iso-2022-jp?B?",
    b"=?utf-7?q?",
    b"\"",
    b"\\",
    b"(",
    b")",
    b"<",
    b">",
    b",",
    b";",
    b":",
    b"@",
    b"'",
    b"''",
    b"*",
    b"*0*=",
    b"*1=",
    b"&",
    b"&#x0;",
    b"&amp",
    b"<p>",
    b"</p>",
    b"<table><td>",
    b"</table>",
    b"<script>",
    b"</script>",
    b"<style>",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"<svg>",
    b"<math>",
    b"<img src=cid:",
    b"<a href=\"javascript:",
    b"<blockquote>",
    b"<pre>",
    b"<textarea>",
    b"<plaintext>",
    b"style=\"width:url(",
    b"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
    b"\r\nContent-Type: message/rfc822\r\n\r\n",
    b"\r\nContent-Transfer-Encoding: base64\r\n",
    b"\r\nContent-Transfer-Encoding: quoted-printable\r\n",
    b"\r\nContent-Type: text/html\r\n\r\n",
    b"\r\nContent-Type: text/plain; format=flowed; delsp=yes\r\n",
    b"\r\nContent-Disposition: attachment; filename=../x\r\n",
    b"charset=utf-16",
    b"charset=iso-2022-jp",
    b"\xEF\xBB\xBF",
    b"\xFF\xFE",
    b"\x1b$B",
    b"~{",
    b"+AOk-",
    b"\xC3",
];

const BYTES: &[u8] = b"\0\t\n\r \"&'()*+,-./:;<=>?@[]_\x1B\x7F\x80\xA0\xC3\xFF";

/// All mails that changes begin with.
pub(crate) fn corpus() -> Vec<Vec<u8>> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files: Vec<_> = ["cases", "mails"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(tests.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .collect();
    files.sort();
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// A mail of the corpus with some changes. One in fifty is blown up, so that what costs the square of a size shows.
pub(crate) fn mutated(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut mail = random.of(corpus).clone();
    for _ in 0..=random.below(8) {
        change(&mut mail, corpus, random);
    }
    if random.below(50) == 0 {
        blow_up(&mut mail, random);
    }
    mail
}

fn change(mail: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Random) {
    let at = random.below(mail.len() + 1);
    let end = (at + 1 + random.below(60)).min(mail.len());
    match random.below(12) {
        0 => mail.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
        1 => mail.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.next() as u8),
        2 => mail.iter_mut().skip(at).take(1).for_each(|byte| *byte = *random.of(BYTES)),
        3 | 4 => drop(mail.splice(at..at, random.of(&PIECES).iter().copied())),
        5 => drop(mail.drain(at..end)),
        6 => drop(mail.splice(at..end, random.of(&PIECES).iter().copied())),
        7 => {
            let piece = mail[at..end].repeat(1 + random.below(20));
            mail.splice(at..at, piece);
        }
        8 => {
            let piece: Vec<u8> = mail.drain(at..end).collect();
            let to = random.below(mail.len() + 1);
            mail.splice(to..to, piece);
        }
        9 => mail.truncate(at),
        10 => swap_lines(mail, random),
        _ => {
            let other = random.of(corpus);
            mail.truncate(at);
            mail.extend_from_slice(&other[random.below(other.len())..]);
        }
    }
}

fn swap_lines(mail: &mut Vec<u8>, random: &mut Random) {
    let mut lines: Vec<&[u8]> = mail.split_inclusive(|byte| *byte == b'\n').collect();
    let (one, other) = (random.below(lines.len()), random.below(lines.len()));
    if !lines.is_empty() {
        lines.swap(one, other);
        *mail = lines.concat();
    }
}

/// Repeats a piece until it is up to 256 KiB.
fn blow_up(mail: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(mail.len() + 1);
    let end = (at + 1 + random.below(100)).min(mail.len());
    let piece = if random.below(2) == 0 { random.of(&PIECES) } else { &mail[at..end] };
    if !piece.is_empty() {
        let piece = piece.repeat((1 << (10 + random.below(9))) / piece.len() + 1);
        mail.splice(at..at, piece);
    }
}
