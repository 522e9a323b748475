//! Fetching mails in parallel. What belongs to one mail becomes its answer; what belongs to the mailbox stops the lot.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use postrider_domain::MessageId;
use postrider_gmail::MailMeta;
use postrider_gmail::{GmailApi, GmailError};

use crate::content::Fetched;
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

    /// The mail's labels, as far as the answer tells.
    pub fn labels(&self) -> &[postrider_domain::LabelId] {
        match self {
            Self::Mail(mail) => &mail.meta.labels,
            Self::Meta(meta) => &meta.labels,
            Self::Missing | Self::Poison(_) => &[],
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

fn sorted(meta: &MailMeta) -> Vec<postrider_domain::LabelId> {
    let mut labels = meta.labels.clone();
    labels.sort_unstable();
    labels.dedup();
    labels
}

/// What one mail may cost before it, or the whole mailbox, waits.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Retries of one call inside a lane.
    pub retries: u32,
    pub pause: Duration,
    /// A mail that Gmail does not serve, while it answers for the mailbox, is parked instead of stopping everything
    /// behind it.
    pub park_alone: bool,
}

/// Failures in a row after which one mail is no longer let stop the others.
pub const ALONE_AFTER: i32 = 2;

/// What [`fetch_all`] brought.
pub struct Fetches {
    pub answers: HashMap<MessageId, Answer>,
    /// Why it ended early, if Gmail refused.
    pub error: Option<GmailError>,
    /// Everything that was wanted was answered.
    pub complete: bool,
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
            Err(error) if passes(&error) && tries < patience.retries => {
                tries += 1;
                tokio::time::sleep(patience.pause.saturating_mul(tries)).await;
            }
            Err(error) if patience.park_alone && may_be_the_mails(&error) => {
                // One more question, about nothing in particular, tells a broken mail from a broken mailbox.
                return match gmail.profile().await {
                    Ok(_answers) => Ok(Answer::Poison(format!("Gmail does not serve it: {error}"))),
                    Err(_mailbox) => Err(error),
                };
            }
            Err(error) if error.stops_mailbox() => return Err(error),
            Err(error) => return Ok(Answer::Poison(error.to_string())),
        }
    }
}

/// Worth asking again at once. A refusal for too many calls at a time is: the governor has slowed down by then.
fn passes(error: &GmailError) -> bool {
    use postrider_gmail::LimitKind::Concurrency;
    may_be_the_mails(error) || matches!(error, GmailError::RateLimited { kind: Concurrency, retry_at: None })
}

/// Failures that may belong to one mail.
fn may_be_the_mails(error: &GmailError) -> bool {
    matches!(error, GmailError::Transient { retry_at: None, .. } | GmailError::FailedPrecondition { .. })
}

async fn parse(mail: postrider_gmail::RawMail) -> Answer {
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

/// Fetches many, in their order; keeps what came before the first error that stops the mailbox, or before `ahead`
/// bytes were reached. What is under way then still counts.
pub async fn fetch_all(
    gmail: &Arc<dyn GmailApi>,
    wanted: Vec<(MessageId, Need)>,
    (concurrency, ahead): (usize, usize),
    patience: Patience,
) -> Fetches {
    let wanted_count = wanted.len();
    let mut answers = HashMap::with_capacity(wanted_count);
    let (mut bytes, mut error) = (0_usize, None);
    let enough = AtomicBool::new(false);
    let mut fetches = stream::iter(wanted)
        .take_while(|_| std::future::ready(!enough.load(Ordering::Relaxed)))
        .map(|(id, need)| async move {
            let answer = fetch_one(gmail, &id, need, patience).await;
            (id, answer)
        })
        .buffer_unordered(concurrency.max(1));
    while let Some((id, answer)) = fetches.next().await {
        match answer {
            Ok(answer) => {
                bytes = bytes.saturating_add(answer.weight());
                drop(answers.insert(id, answer));
            }
            // Units spent on what is under way are not thrown away.
            Err(first) => error = error.or(Some(first)),
        }
        enough.store(error.is_some() || bytes >= ahead, Ordering::Relaxed);
    }
    drop(fetches);
    Fetches { complete: answers.len() == wanted_count, answers, error }
}
