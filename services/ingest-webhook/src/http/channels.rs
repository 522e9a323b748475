//! Header-style channels as their users see them.

pub mod create;
pub mod delete;
pub mod list;
mod view;

use actix_web::HttpResponse;
use postrider_web::Problem;

use crate::error::ChannelError;
use crate::state::{Channels, State};

impl State {
    /// What channels need, or the error that says what is missing.
    pub fn channels(&self) -> Result<&Channels, ChannelError> {
        self.channels.as_ref().ok_or(ChannelError::NotConfigured)
    }
}

/// The answer where no caller can be told from another: there are no keys for that.
pub async fn not_configured() -> Result<HttpResponse, Problem> {
    Err(ChannelError::NotConfigured.into())
}
