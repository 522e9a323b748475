-- What lies in the object store is lost to the older version.
DROP INDEX email_sources_chunked, email_sources_blob;
DELETE FROM email_sources WHERE codec = 3;
ALTER TABLE email_sources DROP CONSTRAINT email_sources_blob_check, DROP CONSTRAINT email_sources_codec_check;
ALTER TABLE email_sources DROP COLUMN blob_key;
ALTER TABLE email_sources ADD CONSTRAINT email_sources_codec_check CHECK (codec IN (0, 1, 2));
