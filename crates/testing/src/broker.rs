//! A RabbitMQ vhost for each test.

mod management;

use std::time::Duration;

use anyhow::Context as _;
use postrider_contracts::Topology;
use postrider_domain::Secret;

use self::management::Management;
use crate::poll::eventually;
use crate::services::Servers;

/// A vhost of one test's own; deleted when dropped, also by a panic. What a killed test left is deleted by a later one.
#[derive(Debug)]
pub struct TestVhost {
    management: Management,
    name: String,
    amqp_url: Secret,
}

impl TestVhost {
    /// A new vhost on the servers of `make services`, empty: the topology is declared by the first broker client.
    ///
    /// # Panics
    /// When the servers are not there or refuse: the test cannot go on. The message says what to do.
    pub async fn fresh() -> Self {
        let made = async { Self::on(&Servers::find()?).await }.await;
        made.unwrap_or_else(|error: anyhow::Error| panic!("no vhost for this test: {error:#}"))
    }

    /// A new vhost on the given servers.
    ///
    /// # Errors
    /// RabbitMQ is not reachable or refuses.
    pub async fn on(servers: &Servers) -> anyhow::Result<Self> {
        postrider_runtime::tls::install();
        let management = Management::new(&servers.management_url)?;
        management.sweep().await;
        let name = management.create().await?;
        let mut url = url::Url::parse(servers.amqp_url.expose()).context("the AMQP address is not a URL")?;
        url.set_path(&format!("/{name}"));
        Ok(Self { management, name, amqp_url: Secret::new(url.to_string()) })
    }

    /// Its address, for `BrokerConfig`.
    pub fn amqp_url(&self) -> Secret {
        self.amqp_url.clone()
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Deletes the waiting messages of a queue; says how many.
    ///
    /// # Errors
    /// RabbitMQ is not reachable, or there is no such queue.
    pub async fn purge(&self, queue: &str) -> anyhow::Result<u32> {
        Ok(postrider_broker::queues::purge(&self.amqp_url, queue).await?)
    }

    /// Purges every queue of the topology at once: what an operator may do at a bad moment.
    ///
    /// # Errors
    /// RabbitMQ is not reachable, or the topology is not declared yet.
    pub async fn purge_all(&self) -> anyhow::Result<u32> {
        let purges = Topology::CURRENT.queue_names();
        let purges = purges.iter().map(|queue| postrider_broker::queues::purge(&self.amqp_url, queue));
        Ok(futures_util::future::try_join_all(purges).await?.into_iter().sum())
    }

    /// Messages that wait in a queue, without those under way to a consumer. 0 if it is not there.
    ///
    /// # Errors
    /// RabbitMQ is not reachable.
    pub async fn depth(&self, queue: &str) -> anyhow::Result<u32> {
        Ok(postrider_broker::queues::depth(&self.amqp_url, queue).await?.unwrap_or(0))
    }

    /// Closes all client connections from RabbitMQ's side; says how many. Waits for the first one to be listed (the
    /// management API learns of them late).
    ///
    /// # Errors
    /// RabbitMQ is not reachable.
    pub async fn close_connections(&self) -> anyhow::Result<usize> {
        eventually("a connection to close", Duration::from_secs(15), || async {
            self.management.close_connections(&self.name).await.ok().filter(|count| *count > 0)
        })
        .await;
        // The other connections of the same client may be listed a moment later.
        self.management.close_connections(&self.name).await
    }

    /// Removes a binding between an exchange and a queue, whatever its key.
    ///
    /// # Errors
    /// RabbitMQ is not reachable.
    pub async fn unbind(&self, exchange: &str, queue: &str) -> anyhow::Result<()> {
        self.management.unbind(&self.name, exchange, queue).await
    }

    /// Deletes a queue under its consumers.
    ///
    /// # Errors
    /// RabbitMQ is not reachable, or there is no such queue.
    pub async fn delete_queue(&self, queue: &str) -> anyhow::Result<()> {
        self.management.delete(&["queues", &self.name, queue]).await
    }

    /// Puts any text into a queue, as a stranger might: no event, no message id.
    ///
    /// # Errors
    /// RabbitMQ is not reachable.
    pub async fn publish_raw(&self, queue: &str, payload: &str) -> anyhow::Result<()> {
        self.publish_with(queue, payload, serde_json::json!({})).await
    }

    /// Puts any text with any headers into a queue.
    ///
    /// # Errors
    /// RabbitMQ is not reachable.
    pub async fn publish_with(&self, queue: &str, payload: &str, headers: serde_json::Value) -> anyhow::Result<()> {
        self.management.publish(&self.name, queue, payload, headers).await
    }
}

impl Drop for TestVhost {
    fn drop(&mut self) {
        // A thread with a runtime of its own: the test's may be the one that unwinds, and has one thread only.
        let (management, name) = (self.management.clone(), self.name.clone());
        let delete = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async { management.reopened()?.delete(&["vhosts", &name]).await })
        });
        // Left over on failure: swept by a later test.
        let _deleted: std::thread::Result<anyhow::Result<()>> = delete.join();
    }
}
