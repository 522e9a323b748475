//! The gateway over HTTP, before services that remember what reached them.

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod caller;
#[cfg(test)]
mod document;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod limits_and_cors;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod passing;
#[cfg(test)]
mod polling;
#[cfg(test)]
mod pushes;
#[cfg(test)]
mod repeats;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod sockets_bounded;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod table;
#[cfg(test)]
mod websocket;
