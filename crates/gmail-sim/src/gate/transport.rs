//! Ways in which an answer may go wrong on its way.

use serde::{Deserialize, Serialize};

/// How an answer travels, if not whole and with its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Whole, in pieces, without `Content-Length`.
    Chunked,
    /// Announces its length and breaks off in the middle.
    Cut,
    /// Without `Content-Length`, and breaks off in the middle.
    CutChunked,
    /// The call is carried out and the connection ends without an answer.
    Reset,
    /// An error with a page of HTML instead of JSON; the call is not carried out.
    Html,
}
