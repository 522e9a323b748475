//! What every store does alike: files, one in memory, and a server that speaks S3. Google Cloud Storage is the same calls to
//! `object_store`, whose own tests hold it; no server that speaks its protocol was found to run here.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests may panic like the tests themselves"
)]

mod s3;

use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::memory::InMemory;
use postrider_blobs::{AttachmentStore, BlobError, Objects};

use crate::s3::Server;

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
        // In two pieces.
        let pieces = [&bytes[..3], &bytes[3..]].map(Bytes::copy_from_slice);
        objects.put(name, pieces).await.unwrap();
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

/// The contract over a server that speaks S3, in a process of its own: its credentials are read from the environment. What is
/// run there is the test below.
#[tokio::test]
async fn a_server_that_speaks_s3_keeps_the_contract() {
    let _already = rustls::crypto::ring::default_provider().install_default();
    let server = tokio::task::spawn_blocking(Server::start).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let made = http.put(format!("{}/mails", server.endpoint)).send().await.unwrap();
    assert!(made.status().is_success(), "{made:?}");
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args(["--exact", "over_s3", "--ignored", "--nocapture"]).env("AWS_ENDPOINT", &server.endpoint);
    for (name, value) in
        [("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_REGION", "eu-west-1")]
    {
        test.env(name, value);
    }
    test.env("AWS_ALLOW_HTTP", "true").env("NO_PROXY", "127.0.0.1");
    let run = tokio::task::spawn_blocking(move || test.output()).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && told.contains("1 passed"), "{told}\n{}", String::from_utf8_lossy(&run.stderr));
}

#[tokio::test]
#[ignore = "run by the test above, with a server"]
async fn over_s3() {
    let _already = rustls::crypto::ring::default_provider().install_default();
    let objects = Objects::open(&"s3://mails/a/folder".parse().unwrap()).unwrap().unwrap();
    keeps(&objects).await;
    let other = Objects::open(&"s3://no-such-bucket".parse().unwrap()).unwrap().unwrap();
    assert!(other.put("x", [Bytes::from_static(b"x")]).await.is_err());
}
