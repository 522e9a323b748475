//! One module for each command.

pub mod accounts;
pub mod connect;
pub mod dead_letters;
pub mod demo;
pub mod doctor;
pub mod down;
mod findings;
pub mod gmail_sync;
pub mod google;
pub mod health;
mod interrupt;
pub mod logs;
pub mod migrate;
pub mod reparse;
pub mod reset;
pub mod run;
mod started;
pub mod token;
pub mod up;
