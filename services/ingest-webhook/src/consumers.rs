//! Which queues this service consumes: none. It publishes only.
