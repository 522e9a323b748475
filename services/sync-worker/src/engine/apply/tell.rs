//! What the world is told about mails that were applied.

use std::collections::HashMap;

use postrider_contracts::NewEvent;
use postrider_contracts::mailbox::{
    EmailBatchStored, EmailDeleted, EmailLabelsChanged, EmailReceived, EmailRestored, EmailSent,
};
use postrider_domain::labels::{DRAFT, TRASH};
use postrider_domain::{EmailId, LabelId, Version};
use postrider_storage::Error;

use super::commit::{Commit, Origin};
use crate::rules::announce::Announce;
use crate::rules::change::Known;
use crate::rules::flags::{self, Flags};
use crate::store::{emails, labels};

/// A known mail has other labels, or is there again; nothing where that is a draft's daily life.
pub fn relabelled(
    commit: &Commit<'_>,
    known: &Known,
    labels: &[LabelId],
    flags: &Flags,
    version: Version,
) -> Option<NewEvent> {
    let (email_id, message_id) = (known.email_id.to_string(), known.message_id.to_string());
    let (history_id, generation) = (version.history_id.0, version.generation);
    if known.is_deleted {
        let restored = EmailRestored { email_id, message_id, trashed: flags.trash, history_id, generation };
        return Some(commit.event(&restored));
    }
    if known.labels == labels || flags::has(&known.labels, DRAFT) && flags.draft {
        return None;
    }
    let named = |labels: Vec<&str>| labels::named(labels, &commit.names);
    let missing_in = |of: &[LabelId], other: &[LabelId]| {
        named(of.iter().filter(|label| !other.contains(label)).map(LabelId::as_str).collect())
    };
    let (added, removed) = (missing_in(labels, &known.labels), missing_in(&known.labels, labels));
    (!added.is_empty() || !removed.is_empty()).then(|| {
        commit.event(&EmailLabelsChanged {
            email_id,
            message_id,
            added,
            removed,
            labels: named(labels.iter().map(LabelId::as_str).collect()),
            folder: flags.folder.clone(),
            unread: flags.unread,
            trashed: flags.trash,
            spam: flags.spam,
            history_id,
            generation,
        })
    })
}

/// A known mail is gone; nobody is told of drafts.
pub fn deleted(commit: &Commit<'_>, known: &Known, version: Version) -> Option<NewEvent> {
    (!flags::has(&known.labels, DRAFT)).then(|| {
        commit.event(&EmailDeleted {
            email_id: known.email_id.to_string(),
            message_id: known.message_id.to_string(),
            trashed: flags::has(&known.labels, TRASH),
            history_id: version.history_id.0,
            generation: version.generation,
            ..EmailDeleted::default()
        })
    })
}

/// `email.received` and `.sent` for live mail, `email.batch_stored` for the rest of what is new.
pub async fn announcements(
    commit: &mut Commit<'_>,
    origin: Origin,
    announce: &HashMap<EmailId, Announce>,
    quiet: Vec<String>,
) -> Result<Vec<NewEvent>, Error> {
    let mut events = Vec::new();
    if !announce.is_empty() {
        let live: Vec<EmailId> = announce.keys().copied().collect();
        let (tenant, now) = (commit.guard.tenant.clone(), commit.now);
        let pushed_at = commit.cause.published_at;
        let mut mails = emails::announce(&mut commit.tx, &tenant, &live, &commit.names, pushed_at, now).await?;
        mails.sort_by_key(|(id, date, _)| (*date, *id));
        for (id, _, email) in mails {
            let Announce { received, sent } = announce.get(&id).copied().unwrap_or_default();
            if sent {
                events.push(commit.event(&EmailSent { email: Some(email.clone()) }));
            }
            if received {
                events.push(commit.event(&EmailReceived { email: Some(email) }));
            }
        }
    }
    if !quiet.is_empty() {
        let run_id = origin.run().map(|run| run.to_string()).unwrap_or_default();
        let count = u32::try_from(quiet.len()).unwrap_or(u32::MAX);
        events.push(commit.event(&EmailBatchStored { run_id, count, email_ids: quiet }));
    }
    Ok(events)
}
