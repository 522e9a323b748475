//! What the log may not hold.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use postrider_runtime::telemetry::{Format, Redactor, Settings, subscriber};
use postrider_testing::eventually;
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::harness::Gateway;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A service that begins an answer and breaks it off.
#[expect(clippy::disallowed_methods, reason = "the service lives as long as the test")]
async fn breaking() -> url::Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _read = stream.read(&mut request).await;
            let _gone = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun").await;
        }
    });
    url
}

#[tokio::test]
async fn a_service_that_fails_is_logged_without_the_query_it_was_asked_with() {
    let lines = Lines::default();
    let writer = lines.clone();
    let settings = Settings { format: Format::Json, level: "debug".to_owned() };
    // Of the process: the gateway's workers are threads of their own.
    let all = subscriber(&settings, Redactor::new([]), move || writer.clone());
    tracing::subscriber::set_global_default(all).unwrap();
    let breaks = breaking().await;
    let gateway = Gateway::start_with(|mut config| {
        config.upstreams.connector = "http://127.0.0.1:1/".parse().unwrap();
        config.upstreams.sync_worker = breaks;
        config
    })
    .await;
    let get = |path: &str| gateway.request(Method::GET, path).send();
    assert_eq!(get("/gmail/auth/callback?state=hush-state&code=hush-code").await.unwrap().status(), 503);
    let broken = get("/gmail/health?sig=hush-sig").await.unwrap();
    assert_eq!(broken.status(), 200);
    assert!(broken.bytes().await.is_err());
    let text = eventually("both failures to be logged", Duration::from_secs(10), || async {
        let text = lines.text();
        (text.contains("could not be asked") && text.contains("broke on its way")).then_some(text)
    })
    .await;
    assert!(!text.contains("hush"), "{text}");
}
