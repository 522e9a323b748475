//! The services' documents, fetched when somebody asks and remembered for a minute. As bytes: read into values they took 6 MB
//! for as long as the gateway lived.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::Url;

use super::merge::{Part, merge};
use crate::routes::Service;

/// How long a merged document is served before the services are asked again.
const FRESH: Duration = Duration::from_secs(60);
/// The same while a service is missing: it may be back soon.
const INCOMPLETE: Duration = Duration::from_secs(5);
/// How long one service may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Largest document that is read.
const LARGEST: usize = 4 * 1024 * 1024;

/// Remembers what the services answered.
#[derive(Debug)]
pub struct Catalog {
    client: reqwest::Client,
    public_url: String,
    services: Vec<(Service, Url)>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    documents: HashMap<Service, Bytes>,
    merged: Option<(Bytes, Instant)>,
}

impl Catalog {
    pub fn new(client: reqwest::Client, public_url: String, services: Vec<(Service, Url)>) -> Self {
        Self { client, public_url, services, known: Mutex::default() }
    }

    /// The merged document, at most a minute old. Concurrent callers wait for one round of questions.
    pub async fn document(&self) -> Bytes {
        let mut known = self.known.lock().await;
        if let Some((merged, until)) = &known.merged
            && Instant::now() < *until
        {
            return merged.clone();
        }
        let answers = join_all(self.services.iter().map(|(service, url)| self.fetch(*service, url))).await;
        let mut parts = Vec::with_capacity(answers.len());
        for (service, answer) in answers {
            let stale = answer.is_none();
            if let Some(document) = answer {
                known.documents.insert(service, document);
            }
            let document = known.documents.get(&service).and_then(|known| read(known));
            parts.push(Part { service, document, stale });
        }
        let complete = parts.iter().all(|part| !part.stale);
        let merged = Bytes::from(merge(&self.public_url, &parts).to_string());
        known.merged = Some((merged.clone(), Instant::now() + if complete { FRESH } else { INCOMPLETE }));
        merged
    }

    async fn fetch(&self, service: Service, url: &Url) -> (Service, Option<Bytes>) {
        let ask = async {
            let url = url.join("/openapi.json").ok()?;
            let answer = self.client.get(url).send().await.ok()?.error_for_status().ok()?;
            let text = postrider_http::body(answer, LARGEST).await.ok()?;
            read(&text).map(|_is_one| Bytes::from(text))
        };
        let document = tokio::time::timeout(PATIENCE, ask).await.ok().flatten();
        if document.is_none() {
            tracing::debug!(service = service.name(), "no OpenAPI document could be had");
        }
        (service, document)
    }
}

fn read(document: &[u8]) -> Option<Value> {
    serde_json::from_slice(document).ok().filter(Value::is_object)
}
