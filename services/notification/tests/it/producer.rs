//! Stands for the connector and the sync-worker: keeps its events, publishes them, answers pulls.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use postrider_broker::Publisher;
use postrider_contracts::connector::{ConnectorConnected, ConnectorState};
use postrider_contracts::mailbox::{Address, EmailReceived, EmailSummary, Label, RunState, SyncCompleted};
use postrider_contracts::{Envelope, Event, Position, TraceContext, streams};
use postrider_domain::{Clock, ConnectorId, EventId, IdGen, SystemClock, SystemIds, TenantId, Timestamp, UserId};
use postrider_events::streams::{EventSource, PullError, StreamHead};

/// An account of a user.
#[derive(Debug, Clone)]
pub struct Account {
    pub tenant: TenantId,
    pub user: UserId,
    pub id: ConnectorId,
}

impl Account {
    pub fn new(tenant: &str, user: &str) -> Self {
        Self {
            tenant: TenantId::parse(tenant).unwrap(),
            user: UserId::parse(user).unwrap(),
            id: ConnectorId(SystemIds.uuid()),
        }
    }
}

#[derive(Clone, Default)]
pub struct Producer {
    events: Arc<Mutex<Vec<Envelope>>>,
}

impl Producer {
    /// Makes an event with the next number of its stream; not published yet.
    pub fn make<E: Event>(&self, account: &Account, event: &E) -> Envelope {
        self.make_traced(account, event, None)
    }

    /// The same under a trace. It has it from the start: whoever pulls the event before it is published gets it too.
    pub fn make_traced<E: Event>(&self, account: &Account, event: &E, trace: Option<TraceContext>) -> Envelope {
        let stream =
            if E::SOURCE == "connector" { streams::connector(account.id) } else { streams::mailbox(account.id) };
        let mut events = self.events.lock().unwrap();
        let seq = events.iter().filter_map(|event| event.position.as_ref()).filter(|p| p.stream == stream).count();
        let mut envelope = Envelope::of(EventId(SystemIds.uuid()), SystemClock.now(), event).owned_by(
            account.tenant.clone(),
            account.user.clone(),
            Some(account.id),
        );
        envelope.trace = trace;
        envelope.position = Some(Position { stream, seq: i64::try_from(seq).unwrap() + 1 });
        events.push(envelope.clone());
        envelope
    }

    /// Keeps this instead of what it made under the same id.
    pub fn replace(&self, event: Envelope) {
        let mut events = self.events.lock().unwrap();
        let known = events.iter_mut().find(|kept| kept.id == event.id).unwrap();
        *known = event;
    }

    /// Takes over what another one made.
    pub fn knows(&self, events: impl IntoIterator<Item = Envelope>) {
        self.events.lock().unwrap().extend(events);
    }

    /// Everything made for an account, in order.
    pub fn events_of(&self, account: &Account) -> Vec<Envelope> {
        let events = self.events.lock().unwrap();
        events.iter().filter(|event| event.connector == Some(account.id)).cloned().collect()
    }

    /// Makes and publishes.
    pub async fn send<E: Event>(&self, publisher: &Arc<dyn Publisher>, account: &Account, event: &E) -> Envelope {
        let envelope = self.make(account, event);
        publish(publisher, vec![envelope.clone()]).await;
        envelope
    }
}

/// Publishes and insists on the confirm.
pub async fn publish(publisher: &Arc<dyn Publisher>, events: Vec<Envelope>) {
    for result in publisher.publish(events).await {
        result.unwrap();
    }
}

#[async_trait]
impl EventSource for Producer {
    async fn events(&self, stream: &str, after: i64, limit: usize) -> Result<Vec<Envelope>, PullError> {
        let events = self.events.lock().unwrap();
        let of_stream =
            |event: &&Envelope| event.position.as_ref().is_some_and(|p| p.stream == stream && p.seq > after);
        Ok(events.iter().filter(of_stream).take(limit).cloned().collect())
    }

    async fn changed_since(&self, _since: Timestamp, _limit: usize) -> Result<Vec<StreamHead>, PullError> {
        let events = self.events.lock().unwrap();
        let mut heads: Vec<StreamHead> = Vec::new();
        for position in events.iter().filter_map(|event| event.position.as_ref()) {
            heads.retain(|head| head.stream != position.stream);
            heads.push(StreamHead {
                stream: position.stream.clone(),
                head: position.seq,
                updated_at: SystemClock.now(),
            });
        }
        Ok(heads)
    }
}

/// A live mail.
pub fn mail(message_id: &str) -> EmailReceived {
    EmailReceived {
        email: Some(EmailSummary {
            email_id: SystemIds.uuid().to_string(),
            message_id: message_id.to_owned(),
            from: Some(Address { name: "John Doe".to_owned(), email: "john@example.com".to_owned() }),
            subject: format!("Subject {message_id}"),
            folder: "Inbox".to_owned(),
            labels: ["INBOX", "UNREAD"].map(|id| Label { id: id.to_owned(), name: id.to_owned() }).to_vec(),
            ..EmailSummary::default()
        }),
    }
}

/// A complete run.
pub fn sync_completed(run_id: &str, reason: &str) -> SyncCompleted {
    SyncCompleted {
        run: Some(RunState {
            run_id: run_id.to_owned(),
            kind: "full".to_owned(),
            reason: reason.to_owned(),
            stored: 3_000,
            new_emails: 3_000,
            ..RunState::default()
        }),
    }
}

pub fn state(account: &Account, version: i64, status: &str) -> ConnectorState {
    ConnectorState {
        version,
        connector_id: account.id.to_string(),
        owner: account.user.to_string(),
        google_sub: "sub".to_owned(),
        email_address: "me@example.com".to_owned(),
        status: status.to_owned(),
        ..ConnectorState::default()
    }
}

pub fn connected(account: &Account, version: i64) -> ConnectorConnected {
    ConnectorConnected { connector: Some(state(account, version, "active")) }
}
