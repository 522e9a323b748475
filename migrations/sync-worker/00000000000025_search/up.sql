-- Words of mails, to be found. Folded, cut and named by the service (src/rules/search): every word begins with a few
-- letters of its account's id, so that an account's words lie together in the index and no other account's are met there.
CREATE TABLE email_search (
  tenant text NOT NULL,
  connector_id uuid NOT NULL,
  email_id uuid NOT NULL,
  -- emails.received_at, for results in order.
  received_at timestamptz NOT NULL,
  -- Which folding made it.
  version smallint NOT NULL,
  document tsvector COMPRESSION lz4 NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, email_id)
);
-- What the index found is read for its order alone: rows are narrow, documents lie beside them.
ALTER TABLE email_search SET (toast_tuple_target = 128);
CREATE INDEX email_search_document ON email_search USING gin (document) WITH (gin_pending_list_limit = 1024);

ALTER TABLE email_search ENABLE ROW LEVEL SECURITY;
ALTER TABLE email_search FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON email_search TO sync_worker_tenant
  USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
  WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
GRANT SELECT, INSERT, UPDATE, DELETE ON email_search TO sync_worker_tenant;
-- `@@` is not leakproof: under a policy that looks at rows no index answers it. So the functions below see all rows of this
-- one table, and name the tenant themselves.
DO $$ BEGIN EXECUTE format('CREATE POLICY search ON email_search FOR SELECT TO %I USING (true)', current_user); END $$;

-- The mails of some accounts that hold what each account's query says, in order, behind a place, some at most. Of the entered
-- tenant: without one, nothing. The tenant is compared so that only the words can be looked up in an index: walking an
-- account's mails until enough hold a word takes for ever when only old ones do.
CREATE FUNCTION search_mails(
  accounts uuid[], queries text[], oldest_first boolean, since timestamptz, until timestamptz,
  behind timestamptz, behind_id uuid, most bigint
) RETURNS TABLE (email_id uuid, received_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
  entered text := nullif(current_setting('postrider.tenant', true), '');
BEGIN
  IF entered IS NULL THEN
    RETURN;
  END IF;
  IF oldest_first THEN
    RETURN QUERY SELECT s.email_id, s.received_at
      FROM unnest(accounts, queries) AS a (id, query) JOIN email_search s ON s.document @@ a.query::tsquery
      WHERE s.tenant || '' = entered AND s.connector_id = a.id
        AND (since IS NULL OR s.received_at >= since) AND (until IS NULL OR s.received_at < until)
        AND (behind IS NULL OR (s.received_at, s.email_id) > (behind, behind_id))
      ORDER BY s.received_at, s.email_id LIMIT most;
  ELSE
    RETURN QUERY SELECT s.email_id, s.received_at
      FROM unnest(accounts, queries) AS a (id, query) JOIN email_search s ON s.document @@ a.query::tsquery
      WHERE s.tenant || '' = entered AND s.connector_id = a.id
        AND (since IS NULL OR s.received_at >= since) AND (until IS NULL OR s.received_at < until)
        AND (behind IS NULL OR (s.received_at, s.email_id) < (behind, behind_id))
      ORDER BY s.received_at DESC, s.email_id DESC LIMIT most;
  END IF;
END $$;

-- Whether a mail of the entered tenant holds what a query says: for queries that only say what is not to be there, which no
-- index answers.
CREATE FUNCTION mail_holds(email uuid, query text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER AS $$
  SELECT EXISTS (SELECT FROM email_search s
    WHERE s.tenant = nullif(current_setting('postrider.tenant', true), '') AND s.email_id = email
      AND s.document @@ query::tsquery)
$$;

DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION search_mails(uuid[], text[], boolean, timestamptz, timestamptz, timestamptz, uuid, bigint)
    SET search_path = %I, pg_temp', current_schema());
  EXECUTE format('ALTER FUNCTION mail_holds(uuid, text) SET search_path = %I, pg_temp', current_schema());
END $$;
REVOKE ALL ON FUNCTION search_mails(uuid[], text[], boolean, timestamptz, timestamptz, timestamptz, uuid, bigint),
  mail_holds(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_mails(uuid[], text[], boolean, timestamptz, timestamptz, timestamptz, uuid, bigint),
  mail_holds(uuid, text) TO sync_worker_tenant;

-- The sender's address as it is compared: folded by the service. Each filter of a list has an index in the list's order.
ALTER TABLE emails ADD COLUMN sender_key text NOT NULL DEFAULT '';
UPDATE emails SET sender_key = lower(sender_email) WHERE sender_email <> '';
CREATE INDEX emails_sender ON emails (tenant, connector_id, sender_key, received_at DESC, email_id DESC);
CREATE INDEX emails_unread ON emails (tenant, connector_id, received_at DESC, email_id DESC) WHERE unread;
CREATE INDEX emails_processed ON emails (tenant, connector_id, processed, received_at DESC, email_id DESC);
CREATE INDEX emails_attached ON emails (tenant, connector_id, received_at DESC, email_id DESC) WHERE has_attachments;

-- How far stored sources were read again with a newer parser or folding: what all mails of the mailbox are at, and the mail
-- up to which they were read since.
ALTER TABLE mailboxes ADD COLUMN read_version integer NOT NULL DEFAULT 0, ADD COLUMN reread_after uuid;
