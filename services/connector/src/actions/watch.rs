//! Google's push watch of an account, and the share each connector has in it.
//!
//! Google keeps one watch for each account and OAuth client, so it hangs on `google_accounts`; each connector with a
//! share in it gets its own events. [`start`] and [`stop`] are what an owner asks for, [`keep`] is what the job does with an
//! account that is due, [`heard`] what a push says about it, [`adopt`] brings connectors to a topic that came later, [`google`] the calls, [`tell`]
//! what Google's answer means to the shares.

pub mod adopt;
mod google;
pub mod heard;
pub mod keep;
pub mod start;
pub mod stop;
mod tell;
