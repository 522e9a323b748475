//! One feature set for all packages. Cargo unites the features of the packages that are built together: built alone, a
//! service would resolve other features of `bytes` or `chrono` than the whole workspace does, and compile nearly every
//! library a second time. Every package depends on this one, which names what would differ; it has no code.
