-- `GET /api/notifications/{id}/explain` also answers for an event that raised nothing.
CREATE INDEX suppressions_event ON suppressions (tenant, user_id, event_id);
