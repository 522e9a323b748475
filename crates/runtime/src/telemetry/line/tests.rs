use std::io;
use std::sync::{Arc, Mutex};

use postrider_contracts::TraceContext;
use postrider_domain::Secret;
use tracing::subscriber::with_default;

use super::*;
use crate::telemetry::{Settings, span, subscriber};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(format: Format, level: &str, work: impl FnOnce()) -> String {
    let lines = Lines::default();
    let writer = lines.clone();
    let settings = Settings { format, level: level.to_owned() };
    let redactor = Redactor::new(["correct-horse-battery".to_owned()]);
    with_default(subscriber(&settings, redactor, move || writer.clone()), work);
    String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
}

fn trace() -> TraceContext {
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap()
}

#[test]
fn every_line_in_a_span_shows_the_trace_id_and_the_fields_around_it() {
    let text = logged(Format::Json, "info", || {
        span::request(trace(), Some(1), "r-1", "GET", "/x/{id}").in_scope(|| {
            tracing::info!(messages = 3, "inside");
            tracing::info_span!("deeper", step = 1).in_scope(|| tracing::warn!("deep {}", "inside"));
        });
        span::job("due_scan", trace()).in_scope(|| tracing::info!("job"));
        span::consume("a.b", trace()).in_scope(|| tracing::info!("consume"));
        tracing::info!("outside");
    });
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5);
    for line in &lines[..4] {
        assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    }
    assert_eq!(lines[0]["messages"], 3);
    assert_eq!(lines[0]["request_id"], "r-1");
    assert_eq!(
        (&lines[1]["message"], &lines[1]["step"], &lines[1]["level"]),
        (&"deep inside".into(), &1.into(), &"warn".into())
    );
    assert_eq!(lines[4].get("trace_id"), None);
}

#[test]
fn secrets_do_not_reach_a_line() {
    let text = logged(Format::Pretty, "info", || {
        tracing::info!(secret = ?Secret::new("another-secret-value"), error = "login correct-horse-battery refused", "failed");
    });
    assert!(text.contains("Secret(…)") && text.contains("[secret]"), "{text}");
    assert!(!text.contains("another-secret") && !text.contains("correct-horse"), "{text}");
}

#[test]
fn a_line_break_in_a_value_does_not_make_a_second_line() {
    for format in [Format::Json, Format::Pretty] {
        let text = logged(format, "info", || tracing::info!(user = "a\nb", "c\nd"));
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn talkative_libraries_stay_at_info_whatever_is_asked_for() {
    let text = logged(Format::Json, "trace,h2=trace", || {
        tracing::debug!(target: "h2::proto", "headers");
        tracing::debug!(target: "yup_oauth2", "token");
        tracing::info!(target: "h2", "kept");
        tracing::debug!(target: "storage", "ours");
    });
    assert_eq!(text.lines().count(), 2, "{text}");
}
