//! What every store does alike: files, one in memory, and a server that speaks S3 where one is named.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests may panic like the tests themselves, and a server is named to the test alone"
)]

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::memory::InMemory;
use postrider_blobs::{AttachmentStore, BlobError, Objects};

async fn read(objects: &Objects, name: &str, wanted: std::ops::Range<u64>) -> Result<Vec<u8>, BlobError> {
    let stream = objects.read(name, wanted).await?;
    let pieces: Vec<Bytes> = stream.try_collect().await.unwrap();
    Ok(pieces.concat())
}

/// The contract.
async fn keeps(objects: &Objects) {
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    for (name, bytes) in [
        ("tenant a/ab/abcd", &b"0123456789"[..]),
        ("../../etc/passwd", b"a name is no path"),
        ("t%2F..%2Fx/\u{e9}", b"an odd name"),
        ("large", &large),
    ] {
        objects.put(name, Bytes::copy_from_slice(bytes)).await.unwrap();
        let size = bytes.len() as u64;
        assert_eq!(read(objects, name, 0..size).await.unwrap(), bytes, "{name}");
        assert_eq!(read(objects, name, 2..5).await.unwrap(), &bytes[2..5], "{name}");
        assert_eq!(read(objects, name, size - 1..size).await.unwrap(), &bytes[bytes.len() - 1..], "{name}");
        for _ in 0..2 {
            objects.delete(name).await.unwrap();
        }
        assert!(matches!(read(objects, name, 0..1).await, Err(BlobError::NotFound)), "{name}");
    }
    assert!(matches!(objects.read("never", 0..1).await, Err(BlobError::NotFound)));
}

#[tokio::test]
async fn files_and_memory_keep_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("made/for/it");
    let files = Objects::open(&AttachmentStore::Files(inside)).unwrap().unwrap();
    keeps(&files).await;
    keeps(&Objects::over(Arc::new(InMemory::new()))).await;
    assert!(Objects::open(&AttachmentStore::Postgres).unwrap().is_none());
}

/// `POSTRIDER_TEST_S3=s3://bucket/folder`, with `AWS_ENDPOINT`, `AWS_ALLOW_HTTP` and the keys of a server that speaks S3.
#[tokio::test]
#[ignore = "needs a server that speaks S3"]
async fn a_server_that_speaks_s3_keeps_the_contract() {
    let setting = std::env::var("POSTRIDER_TEST_S3").unwrap();
    let _already = rustls::crypto::ring::default_provider().install_default();
    let objects = Objects::open(&setting.parse().unwrap()).unwrap().unwrap();
    keeps(&objects).await;
    let other = Objects::open(&"s3://no-such-bucket".parse().unwrap()).unwrap().unwrap();
    assert!(other.put("x", Bytes::from_static(b"x")).await.is_err());
}
