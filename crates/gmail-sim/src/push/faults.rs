//! What may go wrong between a change and its push.

use serde::{Deserialize, Serialize};

use crate::dice::Dice;

/// Each fault has a probability and a count of pushes that it hits for certain (`*_next`), which is used up first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PushFaults {
    /// Never sent.
    pub drop: f64,
    pub drop_next: u32,
    /// Sent twice, with the same message id.
    pub duplicate: f64,
    pub duplicate_next: u32,
    /// Sent up to `delay_ms` (or 3 s) late, so that later ones overtake it.
    pub reorder: f64,
    pub reorder_next: u32,
    /// Sent `delay_ms` late.
    pub delay: f64,
    pub delay_next: u32,
    pub delay_ms: u32,
    /// Nothing is sent until this is lifted; nothing is lost.
    pub paused: bool,
}

impl PushFaults {
    pub(super) fn hits(dice: &mut Dice, probability: f64, next: &mut u32) -> bool {
        if *next > 0 {
            *next -= 1;
            return true;
        }
        dice.chance(probability)
    }
}
