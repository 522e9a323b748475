CREATE OR REPLACE FUNCTION search_mails(
  accounts uuid[], queries text[], oldest_first boolean, since timestamptz, until timestamptz,
  behind timestamptz, behind_id uuid, most bigint
) RETURNS TABLE (email_id uuid, received_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
  entered text := nullif(current_setting('postrider.tenant', true), '');
  walk constant integer := 150;
  probe constant integer := 400;
  longest constant integer := 5000;
  stretch bigint;
  looked bigint := walk;
  sorting text := 'ORDER BY s.received_at DESC, s.email_id DESC';
  beyond text := '<';
  within text := 's.received_at >= $8';
  foremost uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  hindmost uuid := '00000000-0000-0000-0000-000000000000';
  place text;
  walked integer := 0;
  hits bigint := 0;
  more bigint;
  mail record;
  ids uuid[];
  times timestamptz[];
  edge timestamptz;
BEGIN
  IF entered IS NULL THEN
    RETURN;
  END IF;
  since := coalesce(since, '-infinity');
  until := coalesce(until, 'infinity');
  IF oldest_first THEN
    sorting := 'ORDER BY s.received_at, s.email_id';
    beyond := '>';
    within := 's.received_at <= $8';
    foremost := '00000000-0000-0000-0000-000000000000';
    hindmost := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  END IF;
  behind_id := coalesce(behind_id, foremost);
  behind := coalesce(behind, CASE WHEN oldest_first THEN '-infinity' ELSE 'infinity' END::timestamptz);
  place := format('s.received_at >= $3 AND s.received_at < $4 AND (s.received_at, s.email_id) %s ($5, $6)', beyond);
  -- The tenant in a form that no index answers, so that only the words are looked up in one.
  IF cardinality(accounts) <> 1 THEN
    RETURN QUERY EXECUTE 'SELECT s.email_id, s.received_at
        FROM unnest($2, $7) AS a (id, query) JOIN email_search s ON s.document @@ a.query::tsquery
        WHERE s.tenant || '''' = $1 AND s.connector_id = a.id AND ' || place || ' ' || sorting || ' LIMIT $8'
      USING entered, accounts, since, until, behind, behind_id, queries, most;
    RETURN;
  END IF;

  -- In the order of the index, or all of the account would be read and sorted.
  PERFORM set_config('enable_bitmapscan', 'off', true);
  FOR mail IN EXECUTE 'SELECT s.email_id AS id, s.received_at AS at, s.document @@ $7::tsquery AS fits FROM email_search s
      WHERE s.tenant = $1 AND s.connector_id = $2 AND ' || place || ' ' || sorting || ' LIMIT $8'
    USING entered, accounts[1], since, until, behind, behind_id, queries[1], walk
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
  PERFORM set_config('enable_bitmapscan', 'on', true);
  IF hits >= most OR walked < walk THEN
    RETURN;
  END IF;

  IF hits * 10 < walk THEN
    EXECUTE 'SELECT array_agg(f.email_id), array_agg(f.received_at) FROM (SELECT s.email_id, s.received_at FROM email_search s
        WHERE s.document @@ $7::tsquery AND s.tenant || '''' = $1 AND s.connector_id = $2 AND ' || place || ' LIMIT $8) f'
      INTO ids, times USING entered, accounts[1], since, until, behind, behind_id, queries[1], probe;
    IF coalesce(cardinality(ids), 0) < probe THEN
      RETURN QUERY EXECUTE 'SELECT * FROM unnest($1, $2) AS s (email_id, received_at) ' || sorting || ' LIMIT $3'
        USING ids, times, most - hits;
      RETURN;
    END IF;
  END IF;

  LOOP
    -- Half as long again as would be enough if the words went on as they began.
    stretch := least(greatest(longest, looked), (most - hits) * looked * 3 / (hits * 2 + 1));
    PERFORM set_config('enable_bitmapscan', 'off', true);
    EXECUTE 'SELECT s.received_at FROM email_search s WHERE s.tenant = $1 AND s.connector_id = $2 AND '
        || place || ' ' || sorting || ' LIMIT 1 OFFSET $7'
      INTO edge USING entered, accounts[1], since, until, behind, behind_id, stretch;
    PERFORM set_config('enable_bitmapscan', 'on', true);
    -- In the order of the index every document of the stretch would be fetched.
    PERFORM set_config('enable_indexscan', 'off', true);
    RETURN QUERY EXECUTE 'SELECT s.email_id, s.received_at FROM email_search s
        WHERE s.document @@ $7::tsquery AND s.tenant = $1 AND s.connector_id = $2 AND ' || place || ' AND ' || within || ' '
        || sorting || ' LIMIT $9'
      USING entered, accounts[1], since, until, behind, behind_id, queries[1],
        coalesce(edge, CASE WHEN oldest_first THEN 'infinity' ELSE '-infinity' END::timestamptz), most - hits;
    GET DIAGNOSTICS more = ROW_COUNT;
    PERFORM set_config('enable_indexscan', 'on', true);
    hits := hits + more;
    EXIT WHEN edge IS NULL OR hits >= most;
    -- Those that came at the edge were in.
    behind := edge;
    behind_id := hindmost;
    looked := looked + stretch;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION mails_holding(accounts uuid[], queries text[], emails uuid[]) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
  entered text := nullif(current_setting('postrider.tenant', true), '');
BEGIN
  IF entered IS NULL THEN
    RETURN;
  END IF;
  FOR n IN 1 .. cardinality(accounts) LOOP
    RETURN QUERY EXECUTE 'SELECT s.email_id FROM email_search s
        WHERE s.document @@ $4::tsquery AND s.tenant = $1 AND s.connector_id = $2 AND s.email_id = ANY ($3)'
      USING entered, accounts[n], emails, queries[n];
  END LOOP;
END $$;

DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION search_mails(uuid[], text[], boolean, timestamptz, timestamptz, timestamptz, uuid, bigint)
    SET search_path = %I, pg_temp SET enable_bitmapscan = on SET enable_indexscan = on SET enable_seqscan = off SET jit = off', current_schema());
  EXECUTE format('ALTER FUNCTION mails_holding(uuid[], text[], uuid[])
    SET search_path = %I, pg_temp SET enable_indexscan = off SET enable_seqscan = off SET jit = off', current_schema());
END $$;
