//! Each part of a deployment against what the programs themselves say. Every check is a function from a document to what
//! is wrong with it, and has a test that changes names in the document and looks whether that is told.

#[cfg(test)]
mod compose;
#[cfg(test)]
mod containers;
#[cfg(test)]
mod image;
#[cfg(test)]
mod kubernetes;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod repository;
#[cfg(test)]
mod settings;
