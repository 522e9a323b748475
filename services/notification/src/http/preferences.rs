//! `/api/notifications/preferences`.

pub mod get;
pub mod put;
pub mod silence;
pub mod simulate;
mod view;

pub use view::PreferencesView;
