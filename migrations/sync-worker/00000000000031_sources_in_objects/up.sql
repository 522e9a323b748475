-- Where there is an object store, large sources lie there: as blobs, by the hash of what they hold.
ALTER TABLE email_sources DROP CONSTRAINT email_sources_codec_check;
-- 3 = as a blob; the bytes of the row itself are empty, and there are no chunks.
ALTER TABLE email_sources ADD CONSTRAINT email_sources_codec_check CHECK (codec IN (0, 1, 2, 3));
ALTER TABLE email_sources ADD COLUMN blob_key text;
ALTER TABLE email_sources ADD CONSTRAINT email_sources_blob_check CHECK ((codec = 3) = (blob_key IS NOT NULL));
-- Whether anything names a blob, and what is still to be moved.
CREATE INDEX email_sources_blob ON email_sources (tenant, blob_key) WHERE blob_key IS NOT NULL;
CREATE INDEX email_sources_chunked ON email_sources (tenant, email_id) WHERE codec = 2;
