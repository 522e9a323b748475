-- What lies in chunks or in the object store is lost to the older version.
DROP INDEX emails_deleted;
DROP TABLE doomed_objects;
DROP INDEX attachments_state;
ALTER TABLE attachments DROP COLUMN begins_at, DROP COLUMN ends_at, DROP COLUMN written, DROP COLUMN line_digits,
  DROP COLUMN line_bytes;
DELETE FROM blobs WHERE codec > 1;
ALTER TABLE blobs DROP COLUMN object;
ALTER TABLE blobs DROP CONSTRAINT blobs_codec_check;
ALTER TABLE blobs ADD CONSTRAINT blobs_codec_check CHECK (codec IN (0, 1));
DELETE FROM email_sources WHERE codec > 1;
ALTER TABLE email_sources DROP CONSTRAINT email_sources_codec_check;
ALTER TABLE email_sources ADD CONSTRAINT email_sources_codec_check CHECK (codec IN (0, 1));
DROP TABLE source_chunks, blob_chunks;
