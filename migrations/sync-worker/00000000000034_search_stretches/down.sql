DROP FUNCTION mails_holding(uuid[], text[], uuid[]);
CREATE OR REPLACE FUNCTION search_mails(
  accounts uuid[], queries text[], oldest_first boolean, since timestamptz, until timestamptz,
  behind timestamptz, behind_id uuid, most bigint
) RETURNS TABLE (email_id uuid, received_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
  entered text := nullif(current_setting('postrider.tenant', true), '');
  walk constant integer := 1000;
  walked integer := 0;
  hits bigint := 0;
  mail record;
BEGIN
  IF entered IS NULL THEN
    RETURN;
  END IF;
  IF cardinality(accounts) = 1 THEN
    -- In the order of the index, or all of the account would be read and sorted. Plans are made when they are first needed.
    PERFORM set_config('enable_bitmapscan', 'off', true);
    IF oldest_first THEN
      FOR mail IN SELECT s.email_id AS id, s.received_at AS at, s.document @@ queries[1]::tsquery AS fits FROM email_search s
        WHERE s.tenant = entered AND s.connector_id = accounts[1]
          AND s.received_at >= coalesce(since, '-infinity') AND s.received_at < coalesce(until, 'infinity')
          AND (s.received_at, s.email_id) >
            (coalesce(behind, '-infinity'), coalesce(behind_id, '00000000-0000-0000-0000-000000000000'))
        ORDER BY s.received_at, s.email_id LIMIT walk
      LOOP
        walked := walked + 1;
        behind := mail.at;
        behind_id := mail.id;
        IF mail.fits THEN
          email_id := mail.id;
          received_at := mail.at;
          RETURN NEXT;
          hits := hits + 1;
          EXIT WHEN hits >= most;
        END IF;
      END LOOP;
    ELSE
      FOR mail IN SELECT s.email_id AS id, s.received_at AS at, s.document @@ queries[1]::tsquery AS fits FROM email_search s
        WHERE s.tenant = entered AND s.connector_id = accounts[1]
          AND s.received_at >= coalesce(since, '-infinity') AND s.received_at < coalesce(until, 'infinity')
          AND (s.received_at, s.email_id) <
            (coalesce(behind, 'infinity'), coalesce(behind_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        ORDER BY s.received_at DESC, s.email_id DESC LIMIT walk
      LOOP
        walked := walked + 1;
        behind := mail.at;
        behind_id := mail.id;
        IF mail.fits THEN
          email_id := mail.id;
          received_at := mail.at;
          RETURN NEXT;
          hits := hits + 1;
          EXIT WHEN hits >= most;
        END IF;
      END LOOP;
    END IF;
    PERFORM set_config('enable_bitmapscan', 'on', true);
    IF hits >= most OR walked < walk THEN
      RETURN;
    END IF;
  END IF;
  IF oldest_first THEN
    RETURN QUERY SELECT s.email_id, s.received_at
      FROM unnest(accounts, queries) AS a (id, query) JOIN email_search s ON s.document @@ a.query::tsquery
      WHERE s.tenant || '' = entered AND s.connector_id = a.id
        AND (since IS NULL OR s.received_at >= since) AND (until IS NULL OR s.received_at < until)
        AND (behind IS NULL OR (s.received_at, s.email_id) > (behind, behind_id))
      ORDER BY s.received_at, s.email_id LIMIT most - hits;
  ELSE
    RETURN QUERY SELECT s.email_id, s.received_at
      FROM unnest(accounts, queries) AS a (id, query) JOIN email_search s ON s.document @@ a.query::tsquery
      WHERE s.tenant || '' = entered AND s.connector_id = a.id
        AND (since IS NULL OR s.received_at >= since) AND (until IS NULL OR s.received_at < until)
        AND (behind IS NULL OR (s.received_at, s.email_id) < (behind, behind_id))
      ORDER BY s.received_at DESC, s.email_id DESC LIMIT most - hits;
  END IF;
END $$;

DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION search_mails(uuid[], text[], boolean, timestamptz, timestamptz, timestamptz, uuid, bigint)
    SET search_path = %I, pg_temp SET enable_bitmapscan = on', current_schema());
END $$;
