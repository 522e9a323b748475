//! Nothing to do: it is here so that the build dependencies above count.

fn main() {}
