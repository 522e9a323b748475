//! One trace id from a push to the events it causes, in the logs too.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use postrider_broker::{Delivered, Handler, Outcome};
use postrider_contracts::ingest::MailboxChanged;
use postrider_contracts::mailbox::EmailReceived;
use postrider_contracts::{Envelope, Event as _, TraceContext, streams};
use postrider_domain::{Clock, EventId};
use postrider_gmail_sim::{Deliver, MailboxSpec, Sizes, World};
use postrider_sync_worker::consumers::mailbox_changed::MailboxChangedHandler;
use postrider_sync_worker::state::State;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::gmail::{Rates, SimAccess, SimGmail};
use crate::harness::{Ids, database, engine};

/// What was logged: (message, trace id of the innermost span that has one).
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Log>>);

#[derive(Default)]
struct Log {
    /// Trace ids of spans.
    spans: HashMap<u64, Option<String>>,
    entered: Vec<u64>,
    lines: Vec<(String, Option<String>)>,
}

#[derive(Default)]
struct Fields {
    message: String,
    trace_id: Option<String>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => self.message = format!("{value:?}"),
            "trace_id" => self.trace_id = Some(format!("{value:?}")),
            _ => {}
        }
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("postrider_sync_worker") || metadata.is_span()
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let mut log = self.0.lock().unwrap();
        let id = log.spans.len() as u64 + 1;
        log.spans.insert(id, fields.trace_id);
        Id::from_u64(id)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let mut log = self.0.lock().unwrap();
        let trace = log.entered.iter().rev().find_map(|id| log.spans[id].clone());
        log.lines.push((fields.message, trace));
    }

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().entered.push(span.into_u64());
    }

    fn exit(&self, span: &Id) {
        let mut log = self.0.lock().unwrap();
        if let Some(place) = log.entered.iter().rposition(|id| *id == span.into_u64()) {
            log.entered.remove(place);
        }
    }
}

impl Lines {
    /// Takes the lines; answers the traces of those that begin so, and those of all.
    fn take(&self, beginning: &str) -> (Vec<Option<String>>, BTreeSet<Option<String>>) {
        let lines = std::mem::take(&mut self.0.lock().unwrap().lines);
        let these = lines.iter().filter(|(message, _)| message.starts_with(beginning));
        (these.map(|(_, trace)| trace.clone()).collect(), lines.iter().map(|(_, trace)| trace.clone()).collect())
    }
}

fn push(ids: &Ids, address: &str, history_id: u64, trace: TraceContext) -> Delivered {
    let push = MailboxChanged {
        email_address: address.to_owned(),
        history_id,
        source_message_id: ids.seams.ids.uuid().to_string(),
        published_at_ms: ids.clock.now().timestamp_millis(),
        source: "pubsub".to_owned(),
    };
    let envelope = Envelope::of(EventId(ids.seams.ids.uuid()), ids.clock.now(), &push).traced(Some(trace));
    Delivered { envelope, attempt: 1, redelivered: false }
}

// One thread: the subscriber is the thread's own.
#[tokio::test]
async fn a_pushs_trace_is_on_every_line_and_event_of_the_work_it_causes() {
    let test = database().await;
    let ids = Ids::of(5);
    ids.connect(&test.db, "sub").await;
    let world = World::new(5, Arc::new(ids.clock.clone()));
    world.create_mailbox(&MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ids.address.clone(), 2) }).unwrap();
    let gmail = SimGmail::new(world.clone(), &ids.address, ids.clock.clone(), 5, 50);
    let behind = gmail.clone();
    let access = SimAccess(Arc::new(move |_| Some(behind.clone())));
    let engine = engine(&test.db, access, ids.seams.clone(), "one");
    let metrics = engine.metrics().clone();
    let (db, seams) = (test.db.clone(), ids.seams.clone());
    let handler =
        MailboxChangedHandler::new(State { db, seams, engine: engine.clone(), metrics, replica: "one".to_owned() });
    let start = || TraceContext::start(ids.seams.entropy.as_ref());
    let hex = |trace: TraceContext| Some(trace.trace_id_hex());
    let lines = Lines::default();
    let _this_thread = tracing::subscriber::set_default(lines.clone());

    // Nobody pushed: a trace of its own, on all of it.
    while engine.run_mailbox(ids.connector).await.unwrap() {}
    let (_, all) = lines.take("");
    assert!(!all.is_empty() && !all.contains(&None), "{all:?}");

    // Two pushes in one batch: each is told under its own trace, and the mailbox's work under its push's.
    let id = world.deliver(&ids.address, Deliver::default()).unwrap();
    let head = world.truth(&ids.address).unwrap()[&id.to_string()].history_id;
    let (ours, other) = (start(), start());
    let batch = [push(&ids, &ids.address, head, ours), push(&ids, "other@example.com", 7, other)];
    assert_eq!(handler.handle(&batch).await, [Outcome::Done, Outcome::Done]);
    assert_eq!(lines.take("took a push").0, [hex(ours), hex(other)]);
    assert!(engine.run_mailbox(ids.connector).await.unwrap());
    let (followed, all) = lines.take("followed history");
    assert_eq!((followed, all), (vec![hex(ours)], [hex(ours)].into()));
    let events =
        postrider_events::streams::read_events(&test.db, &streams::mailbox(ids.connector), 0, 1_000).await.unwrap();
    assert!(events.iter().all(|event| event.trace.is_some()), "an event without a trace");
    let received: Vec<_> = events.iter().filter(|event| event.event_type == EmailReceived::TYPE).collect();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].trace.map(TraceContext::trace_id_hex), hex(ours));

    // A failure is told there too, and the way on has the same trace until the push is seen to.
    world.deliver(&ids.address, Deliver::default()).unwrap();
    let failing = start();
    let head = world.profile(&ids.address).unwrap().history_id;
    handler.handle(&[push(&ids, &ids.address, head, failing)]).await;
    lines.take("");
    gmail.set_rates(Rates { broken: 1.0, ..Rates::default() });
    assert!(engine.run_mailbox(ids.connector).await.is_err());
    let (stopped, all) = lines.take("work on a mailbox stopped");
    assert_eq!((stopped, all), (vec![hex(failing)], [hex(failing)].into()));
    gmail.set_rates(Rates::default());
    ids.clock.advance(chrono::TimeDelta::minutes(10));
    assert!(engine.run_mailbox(ids.connector).await.unwrap());
    assert_eq!(lines.take("followed history").0, [hex(failing)]);
}
