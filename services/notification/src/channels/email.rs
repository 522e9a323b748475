//! Mails: where they go in (`settings`), what they are made of (`letter`), and the way out (`mailer`).

pub mod letter;
pub mod mailer;
pub mod settings;

pub use letter::{Content, Letter, compose};
pub use mailer::Mailer;
pub use settings::{MailSettings, Security};
