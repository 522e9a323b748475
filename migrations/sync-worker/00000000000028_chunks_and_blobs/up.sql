-- What is larger than a mebibyte lies in pieces of one, each compressed by itself: a part of it is read without the rest.
CREATE TABLE source_chunks (
  tenant text NOT NULL,
  email_id uuid NOT NULL,
  -- Counted from 0; the piece begins at that many mebibytes.
  number integer NOT NULL,
  -- 0 = as is, 1 = zstd.
  codec smallint NOT NULL CHECK (codec IN (0, 1)),
  bytes bytea NOT NULL,
  PRIMARY KEY (tenant, email_id, number)
);
ALTER TABLE source_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE TABLE blob_chunks (
  tenant text NOT NULL,
  blob_key text NOT NULL,
  number integer NOT NULL,
  codec smallint NOT NULL CHECK (codec IN (0, 1)),
  bytes bytea NOT NULL,
  PRIMARY KEY (tenant, blob_key, number)
);
ALTER TABLE blob_chunks ALTER COLUMN bytes SET STORAGE EXTERNAL;

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['source_chunks', 'blob_chunks'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant ON %I TO sync_worker_tenant
      USING (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))
      WITH CHECK (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO sync_worker_tenant', name);
  END LOOP;
END $$;

-- 2 = in chunks; the bytes of the row itself are empty.
ALTER TABLE email_sources DROP CONSTRAINT email_sources_codec_check;
ALTER TABLE email_sources ADD CONSTRAINT email_sources_codec_check CHECK (codec IN (0, 1, 2));
ALTER TABLE blobs DROP CONSTRAINT blobs_codec_check;
-- 3 = in the object store; the bytes of the row itself are empty, too.
ALTER TABLE blobs ADD CONSTRAINT blobs_codec_check CHECK (codec IN (0, 1, 2, 3));

-- Where an attachment stands in the source, and how it is written there; null = it is cut from the whole source.
ALTER TABLE attachments
  ADD COLUMN begins_at bigint,
  ADD COLUMN ends_at bigint,
  -- 0 = as it is, 1 = base64.
  ADD COLUMN written smallint CHECK (written IN (0, 1)),
  -- Digits of each line of base64, and bytes from line to line; null = its lines are not of one length.
  ADD COLUMN line_digits integer,
  ADD COLUMN line_bytes integer;

-- The object's name, for codec 3. An object is written under a name of its own and never again: what goes can go later.
ALTER TABLE blobs ADD COLUMN object text;
-- For accounts that keep their attachments: what is to be kept, by size.
CREATE INDEX attachments_state ON attachments (tenant, connector_id, state, size_bytes);

-- Objects to be removed: what no blob names any more, and what is being written until it is named. Names of objects say
-- whose they are and the hash of what they hold, no more.
CREATE TABLE doomed_objects (
  object text PRIMARY KEY,
  tenant text NOT NULL,
  not_before timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX doomed_objects_due ON doomed_objects (not_before);
ALTER TABLE doomed_objects ENABLE ROW LEVEL SECURITY;
ALTER TABLE doomed_objects FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON doomed_objects TO sync_worker_tenant
  USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
  WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
CREATE POLICY system ON doomed_objects TO sync_worker_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON doomed_objects TO sync_worker_tenant;
GRANT SELECT, DELETE ON doomed_objects TO sync_worker_system;

-- What the job for deleted mail looks for.
CREATE INDEX emails_deleted ON emails (tenant, connector_id, deleted_at) WHERE is_deleted AND NOT stub;
