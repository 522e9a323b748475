//! [`GmailApi`] over google-gmail1.

mod call;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use google_gmail1::api;
use postrider_domain::{ConnectorId, HistoryId, MessageId};

use super::capture::Capture;
use super::transport::{GmailTransport, HttpClient, TransportError};
use super::{
    GmailApi, GmailError, HistoryPage, IdPage, Label, ListPage, MailMeta, Profile, RawMail, Room, TokenSource,
    WatchAnswer, WatchRequest, convert, raw,
};
use crate::quota::Method;
use call::Deadline;
pub(super) use call::USER_AGENT_NAME;

/// The user the token belongs to.
const ME: &str = "me";
/// Most entries Google puts on a page.
const PAGE: u32 = 500;

/// Gmail for one mailbox, over the process's shared transport.
pub struct GmailClient {
    pub(super) mailbox: ConnectorId,
    pub(super) transport: Arc<GmailTransport>,
    pub(super) http: HttpClient,
    pub(super) tokens: Arc<dyn TokenSource>,
}

impl GmailClient {
    /// A client for the mailbox; cheap, made anew for each lease.
    pub fn new(
        mailbox: ConnectorId,
        transport: Arc<GmailTransport>,
        tokens: Arc<dyn TokenSource>,
    ) -> Result<Self, TransportError> {
        let http = transport.client(mailbox)?.clone();
        Ok(Self { mailbox, transport, http, tokens })
    }
}

impl fmt::Debug for GmailClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GmailClient").field("mailbox", &self.mailbox).finish_non_exhaustive()
    }
}

/// google-gmail1 puts ids into the path as they are. Gmail's are hexadecimal, so that no other id can be a mail of its.
fn path_safe(id: &MessageId) -> Result<(), GmailError> {
    let plain = id.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if plain { Ok(()) } else { Err(GmailError::NotFound) }
}

/// One call of the hub under the client's rules: `hub_call!(self, method, |users| users.get_profile(ME))` gives the
/// decoded answer. A macro because each of the hub's builders is a type of its own without a common trait.
macro_rules! hub_call {
    ($client:expr, $method:expr, |$users:ident| $builder:expr) => {{
        let deadline = Deadline::Whole($client.transport.call_deadline);
        let attempt = |token| -> futures_util::future::BoxFuture<'_, Result<_, GmailError>> {
            Box::pin(async move {
                let hub = $client.hub(&token);
                let mut capture = Capture::default();
                let $users = hub.users();
                let result = $builder.delegate(&mut capture).doit().await;
                capture.sort($method, result, $client.transport.clock.now())
            })
        };
        $client.call($method, deadline, attempt).await
    }};
}

#[async_trait]
impl GmailApi for GmailClient {
    async fn profile(&self) -> Result<Profile, GmailError> {
        let (_, answer) = hub_call!(self, Method::GetProfile, |users| users.get_profile(ME))?;
        convert::profile(answer)
    }

    async fn list_messages(&self, page: &ListPage<'_>) -> Result<IdPage, GmailError> {
        let (_, answer) = hub_call!(self, Method::MessagesList, |users| {
            let mut call = users.messages_list(ME).max_results(PAGE).include_spam_trash(page.include_spam_trash);
            if let Some(token) = page.token {
                call = call.page_token(token);
            }
            if let Some(label) = page.label {
                call = call.add_label_ids(label.as_str());
            }
            if let Some(search) = page.search() {
                call = call.q(&search);
            }
            call
        })?;
        convert::id_page(answer)
    }

    async fn get_raw(&self, id: &MessageId, room: &Room) -> Result<RawMail, GmailError> {
        path_safe(id)?;
        let attempt = |token| -> futures_util::future::BoxFuture<'_, Result<RawMail, GmailError>> {
            Box::pin(async move { raw::get(&self.transport, &self.http, &token, id, room).await })
        };
        self.call(Method::MessagesGet, Deadline::Own, attempt).await
    }

    async fn get_minimal(&self, id: &MessageId) -> Result<MailMeta, GmailError> {
        path_safe(id)?;
        let (_, answer) =
            hub_call!(self, Method::MessagesGet, |users| users.messages_get(ME, id.as_str()).format("minimal"))?;
        convert::meta(answer)
    }

    async fn history(&self, start: HistoryId, page_token: Option<&str>) -> Result<HistoryPage, GmailError> {
        let (_, answer) = hub_call!(self, Method::HistoryList, |users| {
            let mut call = users.history_list(ME).start_history_id(start.0).max_results(PAGE);
            if let Some(token) = page_token {
                call = call.page_token(token);
            }
            call
        })?;
        convert::history_page(answer)
    }

    async fn labels(&self) -> Result<Vec<Label>, GmailError> {
        let (_, answer) = hub_call!(self, Method::LabelsList, |users| users.labels_list(ME))?;
        Ok(convert::label_list(answer))
    }

    async fn watch(&self, request: &WatchRequest) -> Result<WatchAnswer, GmailError> {
        let (_, answer) = hub_call!(self, Method::Watch, |users| {
            let body = api::WatchRequest { topic_name: Some(request.topic.clone()), ..api::WatchRequest::default() };
            users.watch(body, ME)
        })?;
        convert::watch(answer)
    }

    async fn stop(&self) -> Result<(), GmailError> {
        hub_call!(self, Method::Stop, |users| users.stop(ME))?;
        Ok(())
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
