//! RFC 822 sources as they are stored, and back.

use std::cell::RefCell;
use std::io::{self, Write as _};

use zstd::bulk::Compressor;

/// zstd level. Level 3 takes twice the time for a few percent of space, and a first sync is mostly this.
const ZSTD_LEVEL: i32 = 1;
/// Bytes below this are stored as they are.
const COMPRESS_FROM: usize = 256;
/// What is larger is stored in pieces of this size, each compressed by itself: who reads a part holds a piece.
pub const CHUNK: usize = 1 << 20;
/// Values of the codec column; 3 is a blob.
const AS_IS: i16 = 0;
const ZSTD: i16 = 1;
pub const CHUNKED: i16 = 2;

/// A source as it is stored.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// 0 = as is, 1 = zstd, 2 = in chunks.
    pub codec: i16,
    /// Length before compression.
    pub size_bytes: i64,
    /// Empty where there are chunks.
    pub bytes: Vec<u8>,
    /// Each of [`CHUNK`] bytes before compression, the last of what is left.
    pub chunks: Vec<Chunk>,
}

/// A piece of something large.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// 0 = as is, 1 = zstd.
    pub codec: i16,
    pub bytes: Vec<u8>,
}

impl Chunk {
    /// Compresses where that is worth it.
    pub fn pack(raw: &[u8]) -> Self {
        let packed = (raw.len() >= COMPRESS_FROM).then(|| compress(raw)).flatten();
        match packed {
            Some(bytes) if bytes.len() < raw.len() => Self { codec: ZSTD, bytes },
            _ => Self { codec: AS_IS, bytes: raw.to_vec() },
        }
    }

    /// Whether it is compressed.
    pub fn is_packed(&self) -> bool {
        self.codec == ZSTD
    }

    /// Its bytes, at most so many.
    ///
    /// # Errors
    /// A codec this version does not know, or damaged bytes.
    pub fn unpack(self, most: usize) -> io::Result<Vec<u8>> {
        match self.codec {
            AS_IS => Ok(self.bytes),
            ZSTD => zstd::bulk::decompress(&self.bytes, most),
            other => Err(io::Error::other(format!("a source has the unknown codec {other}"))),
        }
    }
}

/// A chunk that is unpacked piece by piece.
pub struct Unpacking(zstd::stream::write::Decoder<'static, Vec<u8>>);

impl Unpacking {
    /// Begins with a chunk's first bytes.
    ///
    /// # Errors
    /// No memory.
    pub fn new() -> io::Result<Self> {
        zstd::stream::write::Decoder::new(Vec::new()).map(Self)
    }

    /// What the next bytes of the chunk bring.
    ///
    /// # Errors
    /// Damaged bytes.
    pub fn push(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        self.0.write_all(bytes)?;
        self.0.flush()?;
        Ok(std::mem::take(self.0.get_mut()))
    }
}

impl Source {
    /// Compresses where that is worth it.
    pub fn pack(raw: &[u8]) -> Self {
        let size_bytes = i64::try_from(raw.len()).unwrap_or(i64::MAX);
        if raw.len() > CHUNK {
            let chunks = raw.chunks(CHUNK).map(Chunk::pack).collect();
            return Self { codec: CHUNKED, size_bytes, bytes: Vec::new(), chunks };
        }
        let Chunk { codec, bytes } = Chunk::pack(raw);
        Self { codec, size_bytes, bytes, chunks: Vec::new() }
    }

    /// Bytes that it takes as it is stored.
    pub fn weight(&self) -> usize {
        self.bytes.len() + self.chunks.iter().map(|chunk| chunk.bytes.len()).sum::<usize>()
    }

    /// A source without chunks, as Google gave it. The stored length bounds what decompression may produce.
    ///
    /// # Errors
    /// A codec this version does not know, or damaged bytes.
    pub fn unpack(self) -> io::Result<Vec<u8>> {
        let size = usize::try_from(self.size_bytes).unwrap_or(0);
        Chunk { codec: self.codec, bytes: self.bytes }.unpack(size)
    }
}

/// With the thread's own compressor: making one costs more than a small mail.
fn compress(raw: &[u8]) -> Option<Vec<u8>> {
    thread_local! {
        static COMPRESSOR: RefCell<Option<Compressor<'static>>> = RefCell::new(Compressor::new(ZSTD_LEVEL).ok());
    }
    COMPRESSOR.with_borrow_mut(|compressor| compressor.as_mut()?.compress(raw).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_comes_back_as_it_was() {
        for raw in [b"From: a@b.c\r\n\r\nhi".to_vec(), vec![b'x'; 100_000], Vec::new()] {
            assert_eq!(Source::pack(&raw).unpack().unwrap(), raw);
        }
        assert_eq!(Source::pack(&[b'x'; 100_000]).codec, ZSTD);
    }

    #[test]
    fn what_is_large_is_kept_in_chunks_that_are_read_alone() {
        let raw: Vec<u8> = (0..CHUNK * 2 + 7).map(|n| (n % 251) as u8).collect();
        let packed = Source::pack(&raw);
        assert_eq!((packed.codec, packed.chunks.len(), packed.bytes.len()), (CHUNKED, 3, 0));
        assert!(packed.weight() < raw.len() / 2);
        let second = packed.chunks[1].clone().unpack(CHUNK).unwrap();
        assert_eq!(second, &raw[CHUNK..CHUNK * 2]);
        let whole: Vec<u8> = packed.chunks.into_iter().flat_map(|chunk| chunk.unpack(CHUNK).unwrap()).collect();
        assert_eq!(whole, raw);
        assert!(Source::pack(&raw[..CHUNK]).chunks.is_empty());
    }

    #[test]
    fn damage_is_an_error_and_never_fills_the_memory() {
        let packed = Source::pack(&[b'x'; 100_000]);
        assert!(Source { codec: 7, ..packed.clone() }.unpack().is_err());
        assert!(Source { size_bytes: 99_999, ..packed.clone() }.unpack().is_err());
        assert!(Source { bytes: b"no zstd".to_vec(), ..packed }.unpack().is_err());
    }
}
