DROP TABLE mail_addresses;
DELETE FROM deliveries WHERE channel = 'email';
DROP INDEX deliveries_mail_due;
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE due_at IS NOT NULL;
REVOKE SELECT (channel) ON deliveries FROM notification_system;
ALTER TABLE deliveries DROP CONSTRAINT deliveries_mail, DROP COLUMN digest, DROP COLUMN address,
    DROP COLUMN handed_over_at, DROP COLUMN doubtful;
DROP TABLE digests;
DROP TABLE digest_schedules;
DROP INDEX notifications_digest;
DROP INDEX notifications_undigested;
ALTER TABLE notifications DROP COLUMN digest_id, DROP COLUMN in_digests;
