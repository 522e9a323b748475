CREATE OR REPLACE FUNCTION search_mails(
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

DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION search_mails(uuid[], text[], boolean, timestamptz, timestamptz, timestamptz, uuid, bigint)
    SET search_path = %I, pg_temp', current_schema());
END $$;
ALTER FUNCTION search_mails(uuid[], text[], boolean, timestamptz, timestamptz, timestamptz, uuid, bigint)
  RESET enable_bitmapscan;
DROP INDEX email_search_order;
