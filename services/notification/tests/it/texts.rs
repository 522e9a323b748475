//! Stands for the sync-worker as far as it tells what mails say.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use postrider_domain::{TenantId, UserId};
use postrider_notification::mail_texts::{MailText, MailTexts, Person};
use postrider_web::ClientError;
use tokio::sync::Notify;

#[derive(Debug, Default)]
struct Shelf {
    texts: HashMap<String, String>,
    asked: Vec<(String, String, String)>,
    away: bool,
    /// The next question is not answered before this rings.
    held: Option<Arc<Notify>>,
}

#[derive(Debug, Clone, Default)]
pub struct Texts(Arc<Mutex<Shelf>>);

impl Texts {
    /// A mail says this.
    pub fn put(&self, email_id: &str, text: &str) {
        self.0.lock().unwrap().texts.insert(email_id.to_owned(), text.to_owned());
    }

    /// Cannot be asked, or can again.
    pub fn away(&self, away: bool) {
        self.0.lock().unwrap().away = away;
    }

    /// Does not answer the next question before what is returned rings.
    pub fn hold_one(&self) -> Arc<Notify> {
        self.0.lock().unwrap().held.insert(Arc::default()).clone()
    }

    /// Tenant, user and mail of each question.
    pub fn asked(&self) -> Vec<(String, String, String)> {
        self.0.lock().unwrap().asked.clone()
    }
}

#[async_trait]
impl MailTexts for Texts {
    async fn find(&self, tenant: &TenantId, user: &UserId, email_id: &str) -> Result<Option<MailText>, ClientError> {
        let held = {
            let mut shelf = self.0.lock().unwrap();
            shelf.asked.push((tenant.to_string(), user.to_string(), email_id.to_owned()));
            shelf.held.take()
        };
        if let Some(held) = held {
            held.notified().await;
        }
        let shelf = self.0.lock().unwrap();
        if shelf.away {
            return Err(ClientError::Timeout);
        }
        let of = |text: &String| MailText {
            subject: Some("Subject".to_owned()),
            sender: Person { name: None, email: Some("john@example.com".to_owned()) },
            text: Some(text.clone()),
        };
        Ok(shelf.texts.get(email_id).map(of))
    }
}
