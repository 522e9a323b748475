//! Links that may be mailed, as their users see them.

pub mod create;
pub mod delete;
pub mod list;
mod view;
