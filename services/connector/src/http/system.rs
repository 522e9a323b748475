//! About the installation.

pub mod info;
