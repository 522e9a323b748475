//! Timed work of this service: none. Publishing is driven by requests.
