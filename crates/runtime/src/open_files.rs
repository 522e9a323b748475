//! How many files, sockets among them, the process may have open. Shells and service managers give 1,024 unless asked,
//! for the sake of programs that use `select`; none of ours does, and each socket of a client takes one or two.

use rlimit::{Resource, increase_nofile_limit};

/// Raises the limit as far as the process may; the hard limit is the operator's.
pub(crate) fn raise() {
    if let Err(error) = increase_nofile_limit(u64::MAX) {
        tracing::warn!(error = %error, "the limit of open files could not be raised");
    }
}

/// The limit as it is; none where the system has no such limit.
pub fn open_files() -> Option<u64> {
    Resource::NOFILE.get_soft().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_limit_is_raised_to_the_hard_one() {
        let hard = Resource::NOFILE.get_hard().unwrap();
        Resource::NOFILE.set(256.min(hard), hard).unwrap();
        assert_eq!(open_files(), Some(256.min(hard)));
        raise();
        assert_eq!(open_files(), Some(hard));
    }
}
