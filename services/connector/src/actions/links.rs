//! Links that may be mailed: [`make`] makes one, [`open`] finds the one of a token, [`end`] decides about the consent that
//! was begun by one.

pub mod end;
pub mod make;
pub mod open;
