//! Any [`GmailApi`] behind a mailbox's governor, in one lane.

use std::sync::Arc;

use async_trait::async_trait;
use postrider_domain::{HistoryId, MessageId};

use super::{
    GmailApi, GmailError, HistoryPage, IdPage, Label, ListPage, MailMeta, Profile, RawMail, Room, WatchAnswer,
    WatchRequest,
};
use crate::quota::{Called, Governor, Lane, Method};

/// Calls that first ask the governor and then tell it how they ended. Make one for each lane over the same client and
/// governor. A mailbox that is held for longer than the governor's patience answers `RateLimited` with the time.
#[derive(Clone)]
pub struct Governed {
    api: Arc<dyn GmailApi>,
    governor: Governor,
    lane: Lane,
}

impl Governed {
    pub fn new(api: Arc<dyn GmailApi>, governor: Governor, lane: Lane) -> Self {
        Self { api, governor, lane }
    }

    /// The governor behind it.
    pub fn governor(&self) -> &Governor {
        &self.governor
    }

    async fn ask<T>(&self, method: Method, call: impl Future<Output = Result<T, GmailError>>) -> Result<T, GmailError> {
        let permit = self.governor.acquire(method, self.lane).await?;
        let result = call.await;
        permit.finish(Called::of(&result));
        result
    }
}

#[async_trait]
impl GmailApi for Governed {
    async fn profile(&self) -> Result<Profile, GmailError> {
        self.ask(Method::GetProfile, self.api.profile()).await
    }

    async fn list_messages(&self, page: &ListPage<'_>) -> Result<IdPage, GmailError> {
        self.ask(Method::MessagesList, self.api.list_messages(page)).await
    }

    async fn get_raw(&self, id: &MessageId, room: &Room) -> Result<RawMail, GmailError> {
        self.ask(Method::MessagesGet, self.api.get_raw(id, room)).await
    }

    async fn get_minimal(&self, id: &MessageId) -> Result<MailMeta, GmailError> {
        self.ask(Method::MessagesGet, self.api.get_minimal(id)).await
    }

    async fn history(&self, start: HistoryId, page_token: Option<&str>) -> Result<HistoryPage, GmailError> {
        self.ask(Method::HistoryList, self.api.history(start, page_token)).await
    }

    async fn labels(&self) -> Result<Vec<Label>, GmailError> {
        self.ask(Method::LabelsList, self.api.labels()).await
    }

    async fn watch(&self, request: &WatchRequest) -> Result<WatchAnswer, GmailError> {
        self.ask(Method::Watch, self.api.watch(request)).await
    }

    async fn stop(&self) -> Result<(), GmailError> {
        self.ask(Method::Stop, self.api.stop()).await
    }
}
