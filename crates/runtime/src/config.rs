//! Settings from the environment, with remedies.
//!
//! `.env.example` is the catalogue: names, types, defaults, which are secret, which older names are read in their place.
//! [`Env`] reads values through it. Every getter answers all that is wrong as [`ConfigErrors`]; [`all`] joins several
//! getters, so that a person sees every mistake at once:
//!
//! ```text
//! use runtime::config::{self, Env, Listen};
//!
//! let env = Env::from_pairs([("SPAM_HOLD_SECONDS", "5")]);
//! let (listen, hold) = config::all((Listen::load(&env, "connector"), env.seconds("SPAM_HOLD_SECONDS")))?;
//! ```

mod all;
mod catalog;
mod env;
mod error;
mod kind;
mod listen;
mod sections;

pub use all::{Gather, all};
pub use env::Env;
pub use error::{ConfigError, ConfigErrors};
pub use listen::{Listen, listener_addr};
pub use sections::{Amqp, DatabaseUrl, InternalKeyText, PublicUrl, ServiceUrl};
