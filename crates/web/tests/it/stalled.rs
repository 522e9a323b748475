//! A client that takes nothing does not keep its answer, nor the memory behind it, for ever.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{self as routes, Bytes};
use actix_web::{Error, HttpResponse};
use futures_util::stream;
use postrider_web::Health;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::harness::start_with;

/// Tells when the answer it is part of was given up.
struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn an_answer_nobody_reads_is_given_up() {
    let dropped = Arc::new(Notify::new());
    let told = dropped.clone();
    let server = start_with(Health::new(), move |cfg| {
        let told = told.clone();
        let endless = move || {
            let guard = Dropped(told.clone());
            async move {
                let chunks = stream::repeat_with(move || {
                    let _alive = &guard;
                    Ok::<_, Error>(Bytes::from_static(&[b'x'; 16_384]))
                });
                HttpResponse::Ok().streaming(chunks)
            }
        };
        cfg.route("/endless", routes::get().to(endless));
    });
    let mut client = TcpStream::connect(server.addr).await.unwrap();
    client.write_all(b"GET /endless HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
    timeout(Duration::from_secs(30), dropped.notified())
        .await
        .expect("the answer goes on for a client that is stalled");
    drop(client);
}
