//! Which queues this service consumes: none. It speaks HTTP only.
