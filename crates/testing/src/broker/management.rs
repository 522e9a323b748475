//! The part of RabbitMQ's management API that tests need.

use std::time::Duration;

use anyhow::{Context as _, bail};
use postrider_domain::{Seams, Secret};
use reqwest::{Client, Method, RequestBuilder};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use url::Url;

/// Older test vhosts belong to nobody any more, in seconds.
const STALE: i64 = 3_600;

/// A client of the API.
#[derive(Debug, Clone)]
pub(super) struct Management {
    client: Client,
    base: Url,
    user: String,
    password: Secret,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Binding {
    destination: String,
    properties_key: String,
}

impl Management {
    pub fn new(url: &Secret) -> anyhow::Result<Self> {
        let mut base = Url::parse(url.expose()).context("the management address is not a URL")?;
        let (user, password) = (base.username().to_owned(), Secret::new(base.password().unwrap_or_default()));
        let _no_host = base.set_username("").and_then(|()| base.set_password(None));
        Ok(Self { client: client()?, base, user, password })
    }

    /// The same with connections of its own: reqwest's are bound to the runtime they were made in.
    pub fn reopened(self) -> anyhow::Result<Self> {
        Ok(Self { client: client()?, ..self })
    }

    /// A vhost with a name that tells its age; the user may do everything in it.
    pub async fn create(&self) -> anyhow::Result<String> {
        let seams = Seams::system();
        let name = format!("test-{}-{}", seams.clock.now().timestamp(), seams.ids.uuid().simple());
        self.send(Method::PUT, &["vhosts", &name], Some(json!({}))).await?;
        let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
        self.send(Method::PUT, &["permissions", &name, &self.user], Some(all)).await?;
        Ok(name)
    }

    /// Deletes what killed tests left. Once in a process; failures are the next one's work.
    pub async fn sweep(&self) {
        static SWEPT: OnceCell<()> = OnceCell::const_new();
        let sweep = || async {
            let now = Seams::system().clock.now().timestamp();
            let vhosts: Vec<Named> = self.get(&["vhosts"]).await.unwrap_or_default();
            for vhost in vhosts {
                let born =
                    vhost.name.strip_prefix("test-").and_then(|rest| rest.split('-').next()?.parse::<i64>().ok());
                if born.is_some_and(|born| now - born > STALE) {
                    let _next_time = self.delete(&["vhosts", &vhost.name]).await;
                }
            }
        };
        SWEPT.get_or_init(sweep).await;
    }

    pub async fn close_connections(&self, vhost: &str) -> anyhow::Result<usize> {
        let connections: Vec<Named> = self.get(&["vhosts", vhost, "connections"]).await?;
        let mut closed = 0;
        for connection in connections {
            // It may have gone by itself.
            closed += usize::from(self.delete(&["connections", &connection.name]).await.is_ok());
        }
        Ok(closed)
    }

    pub async fn unbind(&self, vhost: &str, exchange: &str, queue: &str) -> anyhow::Result<()> {
        let bindings: Vec<Binding> = self.get(&["exchanges", vhost, exchange, "bindings", "source"]).await?;
        for binding in bindings.iter().filter(|binding| binding.destination == queue) {
            self.delete(&["bindings", vhost, "e", exchange, "q", queue, &binding.properties_key]).await?;
        }
        Ok(())
    }

    pub async fn publish(&self, vhost: &str, queue: &str, payload: &str, headers: Value) -> anyhow::Result<()> {
        let properties = json!({ "headers": headers });
        let body =
            json!({"properties": properties, "routing_key": queue, "payload": payload, "payload_encoding": "string"});
        let answer = self.send(Method::POST, &["exchanges", vhost, "amq.default", "publish"], Some(body)).await?;
        let answer: Value = answer.json().await?;
        if answer.get("routed") != Some(&Value::Bool(true)) {
            bail!("no queue {queue}: {answer}");
        }
        Ok(())
    }

    pub async fn delete(&self, path: &[&str]) -> anyhow::Result<()> {
        self.send(Method::DELETE, path, None).await.map(|_empty| ())
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &[&str]) -> anyhow::Result<T> {
        Ok(self.send(Method::GET, path, None).await?.json().await?)
    }

    async fn send(&self, method: Method, path: &[&str], body: Option<Value>) -> anyhow::Result<reqwest::Response> {
        let mut request = self.request(method, path)?;
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer =
            request.send().await.context("RabbitMQ's management API does not answer; is `make services` up?")?;
        let status = answer.status();
        if !status.is_success() {
            bail!("RabbitMQ's management API answers {status} for /{}: {}", path.join("/"), answer.text().await?);
        }
        Ok(answer)
    }

    fn request(&self, method: Method, path: &[&str]) -> anyhow::Result<RequestBuilder> {
        let mut url = self.base.clone();
        let mut segments =
            url.path_segments_mut().map_err(|()| anyhow::anyhow!("the management address has no path"))?;
        segments.pop_if_empty().push("api").extend(path);
        drop(segments);
        Ok(self.client.request(method, url).basic_auth(&self.user, Some(self.password.expose())))
    }
}

fn client() -> anyhow::Result<Client> {
    Ok(Client::builder().timeout(Duration::from_secs(20)).build()?)
}
