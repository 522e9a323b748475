ALTER TABLE notifications DROP COLUMN also;
DROP TABLE trigger_checks;
DROP INDEX triggers_by_id, trigger_fires_request;
DROP POLICY system ON triggers;
REVOKE SELECT (tenant, id, type) ON triggers FROM notification_system;
DELETE FROM triggers WHERE type <> 'email';
DELETE FROM trigger_fires WHERE message_id IS NULL;
ALTER TABLE trigger_fires DROP COLUMN request_id;
ALTER TABLE trigger_fires ALTER COLUMN account_id SET NOT NULL, ALTER COLUMN message_id SET NOT NULL,
    ALTER COLUMN email_id SET NOT NULL;
ALTER TABLE triggers DROP COLUMN also, DROP COLUMN secret_sealed, DROP COLUMN old_secret_sealed, DROP COLUMN old_secret_until;
ALTER TABLE triggers ALTER COLUMN account_id SET NOT NULL;
ALTER TABLE triggers DROP CONSTRAINT triggers_of_mail, DROP CONSTRAINT triggers_type_check;
ALTER TABLE triggers ADD CONSTRAINT triggers_type_check CHECK (type = 'email');
