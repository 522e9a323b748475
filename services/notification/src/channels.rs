//! The ways out to a user, a folder each. A channel never decides what a user is told (`rules`) and writes no
//! notification (`actions`); it brings what is written to one kind of client, and knows what each of them has.

pub mod email;
pub mod socket;
pub mod web_push;
pub mod webhook;
