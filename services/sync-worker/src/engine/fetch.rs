//! Fetching mails in parallel. What belongs to one mail becomes its answer; what belongs to the mailbox stops the lot.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use domain::MessageId;
use futures_util::StreamExt;
use futures_util::stream;
use google::gmail::MailMeta;
use google::{GmailApi, GmailError};

use super::content::Fetched;
use crate::rules::decide::{Learned, Need};

/// Sources above this are parsed away from the async threads.
const PARSE_INLINE_MAX: usize = 128 << 10;

/// What Gmail answered for one mail.
#[derive(Debug, Clone)]
pub enum Answer {
    Mail(Box<Fetched>),
    Meta(MailMeta),
    Missing,
    Poison(String),
}

impl Answer {
    /// The answer without its content, for the rules.
    pub fn learned(&self) -> Learned {
        match self {
            Self::Mail(mail) => {
                Learned::There { labels: sorted(&mail.meta), history_id: mail.meta.history_id, body: true }
            }
            Self::Meta(meta) => Learned::There { labels: sorted(meta), history_id: meta.history_id, body: false },
            Self::Missing => Learned::Missing,
            Self::Poison(error) => Learned::Poison(error.clone()),
        }
    }

    /// What it weighs in a transaction, in bytes.
    pub fn weight(&self) -> usize {
        match self {
            Self::Mail(mail) => mail.weight(),
            Self::Meta(_) | Self::Missing | Self::Poison(_) => 0,
        }
    }
}

fn sorted(meta: &MailMeta) -> Vec<domain::LabelId> {
    let mut labels = meta.labels.clone();
    labels.sort_unstable();
    labels.dedup();
    labels
}

/// Retries of one call inside a lane, before the whole mailbox waits.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub retries: u32,
    pub pause: Duration,
}

/// Fetches one mail. `Err` only for what stops the mailbox.
pub async fn fetch_one(
    gmail: &Arc<dyn GmailApi>,
    id: &MessageId,
    need: Need,
    patience: Patience,
) -> Result<Answer, GmailError> {
    let mut tries = 0;
    loop {
        let result = match need {
            Need::Mail => match gmail.get_raw(id).await {
                Ok(mail) => return Ok(parse(mail).await),
                Err(error) => Err(error),
            },
            Need::Meta | Need::Nothing => gmail.get_minimal(id).await.map(Answer::Meta),
        };
        match result {
            Ok(answer) => return Ok(answer),
            Err(GmailError::NotFound) => return Ok(Answer::Missing),
            Err(error @ GmailError::Transient { retry_at: None, .. }) => {
                if tries >= patience.retries {
                    return Err(error);
                }
                tries += 1;
                tokio::time::sleep(patience.pause.saturating_mul(tries)).await;
            }
            Err(error) if error.stops_mailbox() => return Err(error),
            Err(error) => return Ok(Answer::Poison(error.to_string())),
        }
    }
}

async fn parse(mail: google::gmail::RawMail) -> Answer {
    let small = mail.raw.len() <= PARSE_INLINE_MAX;
    // A parser that panics on one mail parks that mail.
    let read = move || catch_unwind(AssertUnwindSafe(|| Fetched::read(mail)));
    let read = if small { Ok(read()) } else { tokio::task::spawn_blocking(read).await };
    match read {
        Ok(Ok(fetched)) => Answer::Mail(Box::new(fetched)),
        Ok(Err(_panic)) => Answer::Poison("its source cannot be read: the parser panicked".to_owned()),
        Err(stopped) => Answer::Poison(format!("its source cannot be read: {stopped}")),
    }
}

/// Fetches many; keeps what came before the first error that stops the mailbox.
pub async fn fetch_all(
    gmail: &Arc<dyn GmailApi>,
    wanted: Vec<(MessageId, Need)>,
    concurrency: usize,
    patience: Patience,
) -> (HashMap<MessageId, Answer>, Option<GmailError>) {
    let mut answers = HashMap::with_capacity(wanted.len());
    let mut fetches = stream::iter(wanted)
        .map(|(id, need)| async move {
            let answer = fetch_one(gmail, &id, need, patience).await;
            (id, answer)
        })
        .buffer_unordered(concurrency.max(1));
    while let Some((id, answer)) = fetches.next().await {
        match answer {
            Ok(answer) => drop(answers.insert(id, answer)),
            Err(error) => return (answers, Some(error)),
        }
    }
    (answers, None)
}
