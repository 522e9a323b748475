//! Sends live hints: no confirms, nothing persistent, never in anybody's way.

use std::sync::Arc;

use bytes::Bytes;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel};
use postrider_contracts::LIVE_EXCHANGE;
use postrider_runtime::Context;
use tokio::sync::{Mutex, mpsc};

use super::answered;
use super::link::{Link, Session};
use crate::metrics::Metrics;
use crate::publisher::BrokerState;

/// Hints that may wait to be sent.
const WAITING: usize = 4_096;

/// A hint on its way out.
pub(super) struct Hint {
    pub key: ShortString,
    pub bytes: Bytes,
}

/// Starts the sending task; it ends with the soft stop.
pub(super) fn start(link: Link, metrics: Metrics, cx: &Context) -> mpsc::Sender<Hint> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let receiver = Arc::new(Mutex::new(receiver));
    let soft = cx.shutdown.soft.clone();
    cx.tasks.supervise("broker.live_publish", cx.shutdown.clone(), move || {
        let (link, metrics, receiver, soft) = (link.clone(), metrics.clone(), receiver.clone(), soft.clone());
        async move {
            tokio::select! {
                () = send_all(link, &metrics, &receiver) => soft.cancelled().await,
                () = soft.cancelled() => {}
            }
        }
    });
    sender
}

async fn send_all(link: Link, metrics: &Metrics, hints: &Mutex<mpsc::Receiver<Hint>>) {
    let mut open = None;
    let mut hints = hints.lock().await;
    while let Some(hint) = hints.recv().await {
        let sent = match channel(&link, &mut open).await {
            Some(channel) => send(&channel, hint).await,
            None => false,
        };
        metrics.live.with_label_values(&[if sent { "sent" } else { "dropped" }]).inc();
    }
}

async fn send(channel: &Channel, hint: Hint) -> bool {
    let options = BasicPublishOptions::default();
    let properties = BasicProperties::default();
    let publish = channel.basic_publish(LIVE_EXCHANGE.into(), hint.key, options, &hint.bytes, properties);
    answered(async { publish.await.map(|_not_confirmed| ()) }).await.is_ok()
}

/// The channel on the connection of the moment; `None` when publishing makes no sense now.
async fn channel(link: &Link, open: &mut Option<(Arc<Session>, Channel)>) -> Option<Channel> {
    if link.state() != BrokerState::Ready {
        return None;
    }
    let session = link.session()?;
    if let Some((of, channel)) = open
        && Arc::ptr_eq(of, &session)
        && channel.status().connected()
    {
        return Some(channel.clone());
    }
    let channel = session.channel().await.ok()?;
    *open = Some((session, channel.clone()));
    Some(channel)
}
