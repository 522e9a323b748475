//! One module for each command.

pub mod accounts;
pub mod dead_letters;
pub mod demo;
pub mod doctor;
pub mod down;
pub mod gmail_sync;
pub mod health;
pub mod logs;
pub mod migrate;
pub mod reset;
pub mod run;
mod started;
pub mod token;
pub mod up;
