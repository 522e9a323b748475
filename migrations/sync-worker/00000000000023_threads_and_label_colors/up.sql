-- A thread is read in its order from the index.
DROP INDEX emails_thread;
CREATE INDEX emails_thread ON emails (tenant, connector_id, thread_id, received_at DESC, email_id DESC);
-- As labels.list tells: `#rrggbb`; null where the user chose none.
ALTER TABLE labels ADD COLUMN text_color text, ADD COLUMN background_color text;
