//! Where history begins for whoever lists a mailbox now.

use std::sync::Arc;

use postrider_domain::HistoryId;
use postrider_gmail::{GmailApi, GmailError};

use crate::error::EngineError;

/// Where a listing that starts now begins.
#[derive(Debug, Clone, Copy)]
pub struct Boundary {
    pub history_id: HistoryId,
    /// How many mails there are, as Gmail counts them.
    pub total: i64,
}

/// A history id from before any listing that starts now, and the number of mails.
///
/// The profile may name an id whose records history does not show yet; whoever started from it would skip them. So
/// the id that history itself has reached counts, where it is lower.
pub async fn read(gmail: &Arc<dyn GmailApi>) -> Result<Boundary, EngineError> {
    let profile = gmail.profile().await?;
    let shown = match gmail.history(profile.history_id, None).await {
        Ok(page) if page.history_id.0 > 0 => page.history_id,
        Ok(_) | Err(GmailError::HistoryGone) => profile.history_id,
        Err(error) => return Err(error.into()),
    };
    let total = i64::try_from(profile.messages_total).unwrap_or(i64::MAX);
    Ok(Boundary { history_id: profile.history_id.min(shown), total })
}
