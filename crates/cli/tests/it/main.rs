//! The operator's commands against real servers.

#[cfg(test)]
mod dead_letters;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod google_setup;
