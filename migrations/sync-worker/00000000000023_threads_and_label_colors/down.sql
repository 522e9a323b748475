ALTER TABLE labels DROP COLUMN text_color, DROP COLUMN background_color;
DROP INDEX emails_thread;
CREATE INDEX emails_thread ON emails (tenant, connector_id, thread_id);
