//! Spans against a collector of the test's own.

#[cfg(test)]
mod export;
