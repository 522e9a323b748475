//! RFC 822 sources as they are stored, and back.

use std::cell::RefCell;
use std::io;

use zstd::bulk::Compressor;

/// zstd level. Level 3 takes twice the time for a few percent of space, and a first sync is mostly this.
const ZSTD_LEVEL: i32 = 1;
/// Sources below this are stored as they are.
const COMPRESS_FROM: usize = 256;
/// Values of the codec column.
const AS_IS: i16 = 0;
const ZSTD: i16 = 1;

/// A source as it is stored.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// 0 = as is, 1 = zstd.
    pub codec: i16,
    /// Length before compression.
    pub size_bytes: i64,
    pub bytes: Vec<u8>,
}

impl Source {
    /// Compresses where that is worth it.
    pub fn pack(raw: &[u8]) -> Self {
        let size_bytes = i64::try_from(raw.len()).unwrap_or(i64::MAX);
        let packed = (raw.len() >= COMPRESS_FROM).then(|| compress(raw)).flatten();
        match packed {
            Some(bytes) if bytes.len() < raw.len() => Self { codec: ZSTD, size_bytes, bytes },
            _ => Self { codec: AS_IS, size_bytes, bytes: raw.to_vec() },
        }
    }

    /// The source as Google gave it. The stored length bounds what decompression may produce.
    ///
    /// # Errors
    /// A codec this version does not know, or damaged bytes.
    pub fn unpack(self) -> io::Result<Vec<u8>> {
        match self.codec {
            AS_IS => Ok(self.bytes),
            ZSTD => zstd::bulk::decompress(&self.bytes, usize::try_from(self.size_bytes).unwrap_or(0)),
            other => Err(io::Error::other(format!("a source has the unknown codec {other}"))),
        }
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
    fn damage_is_an_error_and_never_fills_the_memory() {
        let packed = Source::pack(&[b'x'; 100_000]);
        assert!(Source { codec: 7, ..packed.clone() }.unpack().is_err());
        assert!(Source { size_bytes: 99_999, ..packed.clone() }.unpack().is_err());
        assert!(Source { bytes: b"no zstd".to_vec(), ..packed }.unpack().is_err());
    }
}
