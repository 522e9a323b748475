//! `postrider`: what an operator or a developer types. The library part is the stack itself ([`stack`]), which the
//! end-to-end tests start too, and small clients of the public API.

pub mod cli;
pub mod commands;
pub mod connect;
pub mod console;
pub mod demo;
pub mod doctor;
pub mod gateway;
pub mod google;
pub mod http;
pub mod local;
pub mod progress;
pub mod socket;
pub mod stack;
pub mod token;
