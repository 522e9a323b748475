//! W3C trace context: one trace id from a push to the socket that shows its mail.

use std::fmt;
use std::str::FromStr;

use postrider_domain::Entropy;

/// A `traceparent` header, version 00 (https://www.w3.org/TR/trace-context/#traceparent-header).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    pub trace_id: u128,
    pub span_id: u64,
    pub sampled: bool,
}

/// A header that is not version 00, or names the forbidden zero id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent of version 00")]
pub struct TraceError;

impl TraceContext {
    /// A new trace.
    pub fn start(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0_u8; 16];
        entropy.fill(&mut bytes);
        Self { trace_id: u128::from_be_bytes(bytes).max(1), span_id: 0, sampled: true }.child(entropy)
    }

    /// The same trace, a new span.
    pub fn child(self, entropy: &dyn Entropy) -> Self {
        let mut bytes = [0_u8; 8];
        entropy.fill(&mut bytes);
        Self { span_id: u64::from_be_bytes(bytes).max(1), ..self }
    }

    /// The trace id as logs show it: 32 hex digits.
    pub fn trace_id_hex(self) -> String {
        format!("{:032x}", self.trace_id)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

impl FromStr for TraceContext {
    type Err = TraceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('-');
        let mut hex = |len: usize| parts.next().filter(|part| part.len() == len && part.is_ascii());
        if hex(2) != Some("00") {
            return Err(TraceError);
        }
        let trace_id = u128::from_str_radix(hex(32).ok_or(TraceError)?, 16).map_err(|_| TraceError)?;
        let span_id = u64::from_str_radix(hex(16).ok_or(TraceError)?, 16).map_err(|_| TraceError)?;
        let flags = u8::from_str_radix(hex(2).ok_or(TraceError)?, 16).map_err(|_| TraceError)?;
        if trace_id == 0 || span_id == 0 || parts.next().is_some() {
            return Err(TraceError);
        }
        Ok(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_prints_and_refuses_the_rest() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(text.parse::<TraceContext>().unwrap().to_string(), text);
        for bad in ["", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-0-0-0", &format!("{text}-x")] {
            assert!(bad.parse::<TraceContext>().is_err());
        }
    }
}
