//! The structure of a mail: which parts it has, what each is, and which of them a reader sees.

pub(crate) mod boundary;
pub(crate) mod content;
pub(crate) mod select;
pub(crate) mod tree;
