//! The operator's commands against real servers.

#[cfg(test)]
mod connect;
#[cfg(test)]
mod dead_letters;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod doctor_whole;
#[cfg(test)]
mod google_check;
#[cfg(test)]
mod google_setup;
#[cfg(test)]
mod newcomer;
#[cfg(test)]
mod reparse;
#[cfg(test)]
mod restore;
#[cfg(test)]
mod world;
