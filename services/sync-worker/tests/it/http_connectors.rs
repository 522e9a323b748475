//! `/api/v1/connectors/{id}/…`: a mailbox as a whole.

mod export;
mod ledger;
