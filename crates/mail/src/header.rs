//! The header of a mail or of a part: its lines, and what their values say.

pub(crate) mod address;
pub(crate) mod block;
pub(crate) mod date;
pub(crate) mod ids;
pub(crate) mod list;
pub(crate) mod params;
pub(crate) mod words;
