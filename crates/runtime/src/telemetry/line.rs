//! One line for each occurrence, with the fields of the spans around it (the trace id among them) in the same object.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use chrono::SecondsFormat;
use postrider_domain::{Clock, SystemClock};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::logs::Format;
use super::redact::Redactor;

/// Fields that only the collector of traces reads.
const NOT_FOR_LINES: &str = "otel.";

/// Writes lines in one of the two formats.
#[derive(Debug)]
pub struct LineLayer<W> {
    format: Format,
    redactor: Redactor,
    writer: W,
}

impl<W> LineLayer<W> {
    pub fn new(format: Format, redactor: Redactor, writer: W) -> Self {
        Self { format, redactor, writer }
    }
}

/// Fields of a span or an event.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        if !field.name().starts_with(NOT_FOR_LINES) {
            self.0.insert(field.name().to_owned(), value.into());
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, value.to_string());
    }
}

impl<S, W> Layer<S> for LineLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = cx.span(id) {
            span.extensions_mut().replace(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let mut fields = Fields::default();
        // From the outermost span inwards: what is nearer to the event wins.
        for span in cx.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.0.extend(outer.0.clone());
            }
        }
        event.record(&mut fields);
        let message = match fields.0.remove("message") {
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let time = SystemClock.now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let (level, target) = (event.metadata().level().as_str(), event.metadata().target());
        let line = match self.format {
            Format::Json => json(&time, level, target, message, fields.0),
            Format::Pretty => pretty(&time, level, target, &message, &fields.0),
        };
        // Nobody is left to be told that standard error is closed.
        let _closed = self.writer.make_writer_for(event.metadata()).write_all(self.redactor.clean(line).as_bytes());
    }
}

fn json(time: &str, level: &str, target: &str, message: String, fields: Map<String, Value>) -> String {
    let mut line = Map::new();
    line.insert("time".to_owned(), time.into());
    line.insert("level".to_owned(), level.to_ascii_lowercase().into());
    line.insert("target".to_owned(), target.into());
    line.insert("message".to_owned(), message.into());
    for (name, value) in fields {
        line.entry(name).or_insert(value);
    }
    format!("{}\n", Value::Object(line))
}

fn pretty(time: &str, level: &str, target: &str, message: &str, fields: &Map<String, Value>) -> String {
    // Line breaks in a message would let a caller's text look like a line of ours.
    let mut line = format!("{time} {level:>5} {target}: {}", message.escape_debug().to_string().replace("\\\"", "\""));
    for (name, value) in fields {
        let _infallible = match value {
            Value::String(text) if text.chars().all(|c| c.is_ascii_graphic() && c != '"') => {
                write!(line, " {name}={text}")
            }
            other => write!(line, " {name}={other}"),
        };
    }
    line.push('\n');
    line
}

#[cfg(test)]
#[path = "line/tests.rs"]
mod tests;
