//! Mails about single notifications: one each, to addresses that may be written to, and no more than once without a word.

mod attempts;
mod connections;
mod content;
mod loops;
mod nights;
mod reconnect;

use crate::post_office::PostOffice;

const BY_MAIL: &str = r#"{"channels":["in_app","email"]}"#;

async fn office() -> PostOffice {
    let office = PostOffice::new().await;
    office.set(None, serde_json::from_str(BY_MAIL).unwrap()).await;
    office
}
