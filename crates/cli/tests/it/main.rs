//! The operator's commands against real servers.

#[cfg(test)]
mod doctor;
