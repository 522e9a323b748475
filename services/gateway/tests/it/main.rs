//! The gateway over HTTP, before services that remember what reached them.

mod caller;
mod document;
mod harness;
mod limits_and_cors;
mod passing;
mod polling;
mod schema;
mod websocket;
