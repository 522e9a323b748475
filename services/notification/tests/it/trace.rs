//! One trace id from the event to the emit.

use std::io::Write;
use std::sync::{Arc, Mutex};

use postrider_contracts::TraceContext;
use postrider_runtime::telemetry::{Format, Redactor, Settings, subscriber};

use crate::harness::{SOON, World, settings};
use crate::producer::{Account, mail, publish};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Lines about an emit under that trace.
    fn emits(&self, trace: TraceContext) -> usize {
        let text = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        let of_trace = |line: &&str| line.contains(&trace.trace_id_hex()) && line.contains("emitted notification:");
        text.lines().filter(of_trace).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emit_is_found_by_the_trace_of_the_event_behind_it() {
    let lines = Lines::default();
    let level = "warn,postrider_notification=debug,postrider_runtime=info".to_owned();
    let writer = lines.clone();
    let logs = subscriber(&Settings { format: Format::Json, level }, Redactor::default(), move || writer.clone());
    // A test is a process of its own (nextest), so the subscriber is nobody else's.
    tracing::subscriber::set_global_default(logs).unwrap();
    let world = World::new().await;
    let (here, there) = (world.replica(settings()).await, world.replica(settings()).await);
    let account = Account::new("t1", "u1");
    // The event is applied at one of them: to the other the trace travels with the hint.
    let (mut one, mut two) = (here.subscribed(&account).await, there.subscribed(&account).await);
    there.hears_hints(&account).await;
    here.hears_hints(&account).await;
    let trace: TraceContext = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
    // Replicas look for what the broker lost three times a second: one of them may have the event from its producer before
    // it is published.
    let event = world.producer.make_traced(&account, &mail("m1"), Some(trace));
    publish(&world.publisher, vec![event]).await;
    one.expect("notification:new_message").await;
    two.expect("notification:new_message").await;
    postrider_testing::eventually("both emits in the log", SOON, || async { (lines.emits(trace) == 2).then_some(()) })
        .await;
}
