//! Mails that want to do harm, through the crate's public face: none stops the reader, none costs more than its size allows.
//!
//! A binary of its own, because it counts what is allocated.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may panic like the tests themselves"
)]

mod around;
mod bombs;
mod measure;
mod mutate;
mod mutated;

#[global_allocator]
static ALLOCATOR: peak_alloc::PeakAlloc = peak_alloc::PeakAlloc;
