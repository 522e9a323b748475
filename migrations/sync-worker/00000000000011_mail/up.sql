-- The mirror. (generation, history_id) is what a row knows; what is older never overwrites it. A tombstone is a row too,
-- also for a mail that was never seen (`stub`), so that an older fetch cannot bring it back.
-- No foreign keys on the hot tables: children are written and removed only together with their mail, and a check for
-- each row costs a tenth of a full sync.
CREATE TABLE emails (
  tenant text NOT NULL,
  email_id uuid NOT NULL,
  connector_id uuid NOT NULL,
  -- Gmail's id: unique in one mailbox only.
  message_id text NOT NULL,
  -- '' while only a stub.
  thread_id text NOT NULL,
  generation integer NOT NULL,
  history_id bigint NOT NULL,
  -- Nothing but the tombstone is known.
  stub boolean NOT NULL DEFAULT false,
  subject text NOT NULL DEFAULT '',
  sender_name text NOT NULL DEFAULT '',
  -- As written in From; '' when absent or unreadable.
  sender_email text NOT NULL DEFAULT '',
  -- {to, cc, bcc, reply_to}: [{name, email}]
  recipients jsonb NOT NULL DEFAULT '{}',
  -- [[name, value]], in order.
  headers jsonb COMPRESSION lz4 NOT NULL DEFAULT '[]',
  -- Unescaped.
  snippet text NOT NULL DEFAULT '',
  -- Null: the mail has no such part.
  text text COMPRESSION lz4,
  -- Sanitised. Null: the mail has no such part.
  html text COMPRESSION lz4,
  label_ids text[] NOT NULL DEFAULT '{}',
  folder text NOT NULL DEFAULT 'All Mail',
  unread boolean NOT NULL DEFAULT false,
  is_draft boolean NOT NULL DEFAULT false,
  is_spam boolean NOT NULL DEFAULT false,
  is_trash boolean NOT NULL DEFAULT false,
  has_attachments boolean NOT NULL DEFAULT false,
  size_bytes bigint NOT NULL DEFAULT 0,
  -- Google's internalDate. The time of the tombstone for a stub.
  received_at timestamptz NOT NULL,
  -- Message-ID header, without brackets; '' when absent.
  rfc_message_id text NOT NULL DEFAULT '',
  -- X-Postrider-Origin header; '' when absent.
  origin text NOT NULL DEFAULT '',
  -- What went wrong while reading the MIME source; null when nothing did.
  parse_error text,
  is_deleted boolean NOT NULL DEFAULT false,
  deleted_at timestamptz,
  -- For consumers of the API.
  processed boolean NOT NULL DEFAULT false,
  processed_at timestamptz,
  -- When email.received (or .sent) was raised: business key of "exactly once". Null for backfilled mail.
  announced_at timestamptz,
  -- The run that stored the body; null for the live lane.
  stored_in_run uuid,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, email_id),
  CONSTRAINT emails_message UNIQUE (tenant, connector_id, message_id)
);
CREATE INDEX emails_received ON emails (tenant, connector_id, received_at DESC, email_id DESC);
CREATE INDEX emails_thread ON emails (tenant, connector_id, thread_id);
CREATE INDEX emails_updated ON emails (tenant, connector_id, updated_at);

-- RFC 822 sources. Compressed by us (codec), so Postgres must not try again.
CREATE TABLE email_sources (
  tenant text NOT NULL,
  email_id uuid NOT NULL,
  -- 0 = as is, 1 = zstd.
  codec smallint NOT NULL CHECK (codec IN (0, 1)),
  -- Length before compression.
  size_bytes bigint NOT NULL,
  raw bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, email_id)
);
ALTER TABLE email_sources ALTER COLUMN raw SET STORAGE EXTERNAL;

-- emails.label_ids as rows: filters by label under row-level security need an index condition that is leakproof.
CREATE TABLE email_labels (
  tenant text NOT NULL,
  connector_id uuid NOT NULL,
  email_id uuid NOT NULL,
  label_id text NOT NULL,
  -- emails.received_at, for lists by label in order.
  received_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, email_id, label_id)
);
CREATE INDEX email_labels_list ON email_labels (tenant, connector_id, label_id, received_at DESC, email_id DESC);

-- What hangs on a mail: keyed by its place in the MIME tree, because Gmail's attachment ids change between reads.
CREATE TABLE attachments (
  tenant text NOT NULL,
  attachment_id uuid NOT NULL,
  connector_id uuid NOT NULL,
  email_id uuid NOT NULL,
  -- Dotted path in the MIME tree as mail-parser numbers it.
  part_id text NOT NULL,
  -- Without path parts; '' when the mail names none.
  filename text NOT NULL,
  content_type text NOT NULL,
  size_bytes bigint NOT NULL,
  -- '' when absent.
  content_id text NOT NULL,
  inline boolean NOT NULL,
  state text NOT NULL DEFAULT 'listed' CHECK (state IN ('listed', 'stored', 'skipped', 'failed')),
  -- Why skipped or failed; '' otherwise.
  state_reason text NOT NULL DEFAULT '',
  -- Key in blobs, once stored.
  blob_key text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, attachment_id),
  CONSTRAINT attachments_part UNIQUE (tenant, email_id, part_id)
);

-- Attachment bytes when they are kept in Postgres.
CREATE TABLE blobs (
  tenant text NOT NULL,
  -- Hex SHA-256 of the content.
  blob_key text NOT NULL,
  codec smallint NOT NULL CHECK (codec IN (0, 1)),
  size_bytes bigint NOT NULL,
  bytes bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, blob_key)
);
ALTER TABLE blobs ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Who holds on to a mail: a referenced mail survives every clean-up.
CREATE TABLE email_references (
  tenant text NOT NULL,
  email_id uuid NOT NULL,
  kind text NOT NULL,
  ref text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, email_id, kind, ref),
  FOREIGN KEY (tenant, email_id) REFERENCES emails (tenant, email_id) ON DELETE RESTRICT
);

DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['emails', 'email_sources', 'email_labels', 'attachments', 'blobs', 'email_references'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY tenant ON %I TO sync_worker_tenant
      USING (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))
      WITH CHECK (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))', name);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO sync_worker_tenant', name);
  END LOOP;
END $$;
