//! How a hint carries its trace: as the text of a `traceparent` header.

use postrider_contracts::TraceContext;
use serde::{Deserialize, Deserializer, Serializer};

pub(super) fn serialize<S: Serializer>(trace: &Option<TraceContext>, to: S) -> Result<S::Ok, S::Error> {
    match trace {
        Some(trace) => to.collect_str(trace),
        None => to.serialize_none(),
    }
}

/// A text that is no trace is none: the hint matters more.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<TraceContext>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.and_then(|text| text.parse().ok()))
}
