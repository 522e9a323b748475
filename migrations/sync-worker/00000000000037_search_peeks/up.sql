-- Where in time words begin, and how often they come, is seen in mails, not in the index: to take some at random of those that hold a
-- word, the index put all of them in order, and their rows were read all over the table.
-- Of one account, the first 150 mails are looked at themselves, sixty if none of these holds the words. If hardly one of them does,
-- some of the others are: four mails at each of twelve places, evenly spread in time, and two at each of twenty-four before the first
-- place that holds them. Rows are then read stretch by stretch of time, each as long as what was seen says: the index of words is
-- joined with that of the order before a row is read, so what is read is what one stretch has of them. Where nothing was seen, hardly
-- a mail holds the words: all that do are looked up at once, unless these are many. What was seen only says where to look: what is
-- found is what the index says.
CREATE OR REPLACE FUNCTION search_mails(
  accounts uuid[], queries text[], oldest_first boolean, since timestamptz, until timestamptz,
  behind timestamptz, behind_id uuid, most bigint
) RETURNS TABLE (email_id uuid, received_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
  entered text := nullif(current_setting('postrider.tenant', true), '');
  walk constant integer := 150;
  -- After so many without a word the walk ends.
  glance constant integer := 60;
  -- Places of each round, and mails of each.
  places constant integer[] := '{12, 24}';
  peeked constant integer[] := '{4, 2}';
  few constant integer := 400;
  longest constant integer := 5000;
  account uuid := accounts[1];
  query text := queries[1];
  newest text := 's.received_at DESC, s.email_id DESC';
  oldest text := 's.received_at, s.email_id';
  sorting text := CASE WHEN oldest_first THEN oldest ELSE newest END;
  backwards text := CASE WHEN oldest_first THEN newest ELSE oldest END;
  beyond text := CASE WHEN oldest_first THEN '>' ELSE '<' END;
  least_id constant uuid := '00000000-0000-0000-0000-000000000000';
  most_id constant uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  foremost uuid := CASE WHEN oldest_first THEN least_id ELSE most_id END;
  hindmost uuid := CASE WHEN oldest_first THEN most_id ELSE least_id END;
  narrow boolean;
  place text;
  mails text;
  mail record;
  hits bigint := 0;
  -- Mails that hold the words, and those among which they were counted: how often they come.
  found bigint := 0;
  among bigint := 0;
  near timestamptz;
  far timestamptz;
  peek record;
  since_first bigint;
  start timestamptz;
  looked_up boolean := false;
  whole boolean;
  joined boolean;
  stretch bigint;
  looked bigint := walk;
  edge timestamptz;
  ids uuid[];
  times timestamptz[];
  more bigint;
BEGIN
  IF entered IS NULL THEN
    RETURN;
  END IF;
  since := coalesce(since, '-infinity');
  until := coalesce(until, 'infinity');
  narrow := behind IS NOT NULL OR since > '-infinity' OR until < 'infinity';
  behind_id := coalesce(behind_id, foremost);
  behind := coalesce(behind, CASE WHEN oldest_first THEN '-infinity' ELSE 'infinity' END::timestamptz);
  place := format(' AND s.received_at >= $3 AND s.received_at < $4 AND (s.received_at, s.email_id) %s ($5, $6) ', beyond);
  -- The tenant in a form that no index answers, so that only the words are looked up in one.
  IF cardinality(accounts) <> 1 THEN
    RETURN QUERY EXECUTE 'SELECT s.email_id, s.received_at
        FROM unnest($2, $7) AS a (id, query) JOIN email_search s ON s.document @@ a.query::tsquery
        WHERE s.tenant || '''' = $1 AND s.connector_id = a.id' || place || 'ORDER BY ' || sorting || ' LIMIT $8'
      USING entered, accounts, since, until, behind, behind_id, queries, most;
    RETURN;
  END IF;

  -- In the order of the index, or all of the account would be read and sorted.
  PERFORM set_config('enable_bitmapscan', 'off', true);
  mails := ' FROM email_search s WHERE s.tenant = $1 AND s.connector_id = $2' || place;
  FOR mail IN EXECUTE 'SELECT s.email_id AS id, s.received_at AS at, s.document @@ $7::tsquery AS fits'
      || mails || 'ORDER BY ' || sorting || ' LIMIT $8'
    USING entered, account, since, until, behind, behind_id, query, walk
  LOOP
    among := among + 1;
    behind := mail.at;
    behind_id := mail.id;
    IF mail.fits THEN
      email_id := mail.id;
      received_at := mail.at;
      RETURN NEXT;
      hits := hits + 1;
    END IF;
    EXIT WHEN hits >= most OR (hits = 0 AND among = glance);
  END LOOP;
  found := hits;
  IF hits >= most OR (among < walk AND hits > 0) OR among < glance THEN
    RETURN;
  END IF;
  IF found * 100 < among THEN
    near := behind;
    EXECUTE 'SELECT s.received_at' || mails || 'ORDER BY ' || backwards || ' LIMIT 1'
      INTO far USING entered, account, since, until, behind, behind_id;
    FOR round IN 1 .. 2 LOOP
      -- The first place that holds the words, when each is, and how many mails do from there on.
      EXECUTE 'SELECT min(p.n) FILTER (WHERE p.fits > 0) AS first, array_agg(p.at ORDER BY p.n) AS at, sum(p.fits) AS fits,
            sum(p.mails) AS mails
          FROM (SELECT n, m.* FROM generate_series(1, $5) AS n CROSS JOIN LATERAL (
            SELECT count(*) AS mails, count(*) FILTER (WHERE m.fits) AS fits, '
              || CASE WHEN oldest_first THEN 'min' ELSE 'max' END || '(m.at) AS at
            FROM (SELECT s.received_at AS at, s.document @@ $6::tsquery AS fits FROM email_search s
              WHERE s.tenant = $1 AND s.connector_id = $2 AND s.received_at ' || beyond || '= $3 + ($4 - $3) * ((n - 0.5) / $5)::float8
              ORDER BY ' || sorting || ' LIMIT $7) AS m) AS m OFFSET 0) AS p'
        INTO peek USING entered, account, near, far, places[round], query, peeked[round];
      IF round = 1 THEN
        -- Those behind the first place: if one in eight hold the words, that is where they begin.
        since_first := peek.mails - (peek.first - 1) * peeked[1];
        IF peek.fits < 2 OR peek.fits * 8 < since_first THEN
          found := found + peek.fits;
          among := among + peek.mails;
          EXIT;
        END IF;
        found := peek.fits;
        among := since_first;
      END IF;
      start := coalesce(peek.at[peek.first], start);
      near := coalesce(peek.at[coalesce(peek.first, places[round] + 1) - 1], near);
      far := start;
    END LOOP;
  END IF;
  PERFORM set_config('enable_bitmapscan', 'on', true);

  LOOP
    whole := NOT looked_up AND start IS NULL AND found * 100 < among;
    joined := narrow OR NOT whole;
    IF whole THEN
      looked_up := true;
      edge := NULL;
    ELSE
      -- Half as long again as would be enough if the words went on as they began.
      stretch := least(greatest(longest, looked), (most - hits) * among * 3 / (found * 2 + 1) + 1);
      PERFORM set_config('enable_bitmapscan', 'off', true);
      EXECUTE 'SELECT s.received_at' || mails || 'ORDER BY ' || sorting || ' LIMIT 1 OFFSET $7'
        INTO edge USING entered, account, since, until, coalesce(start, behind),
          CASE WHEN start IS NULL THEN behind_id ELSE foremost END, stretch;
      PERFORM set_config('enable_bitmapscan', 'on', true);
      start := NULL;
    END IF;
    -- In the order of the index every document of the stretch would be fetched. The planner is told neither where the stretch ends
    -- nor the words, and that a row is dear: it takes words for evenly spread in time and for independent of each other, and would
    -- read all mails that hold them. What the index is asked for is compared with each of its rows: two times, and no more. Of all
    -- mails few hold the words: they are looked up alone.
    near := CASE WHEN oldest_first THEN behind ELSE greatest(edge, since) END;
    far := CASE WHEN oldest_first THEN coalesce(edge, until - interval '1 microsecond') ELSE behind END;
    PERFORM set_config('enable_indexscan', 'off', true), set_config('cpu_tuple_cost', CASE WHEN joined THEN '1000' ELSE '0.01' END, true);
    EXECUTE 'SELECT array_agg(f.email_id), array_agg(f.received_at) FROM (SELECT s.email_id, s.received_at FROM email_search s
        WHERE s.document @@ (SELECT $3::tsquery) AND ' || CASE WHEN joined THEN 's.tenant = $1' ELSE 's.tenant || '''' = $1' END || '
          AND s.connector_id = $2 AND s.received_at >= (SELECT $4) AND s.received_at <= (SELECT $5)
          AND (s.received_at <> $6 OR s.email_id ' || beyond || ' $7) LIMIT $8) f'
      INTO ids, times USING entered, account, query, near, far, behind, behind_id, CASE WHEN whole THEN few END;
    PERFORM set_config('enable_indexscan', 'on', true), set_config('cpu_tuple_cost', '0.01', true);
    more := coalesce(cardinality(ids), 0);
    CONTINUE WHEN whole AND more = few;
    RETURN QUERY EXECUTE 'SELECT * FROM unnest($1, $2) AS s (email_id, received_at) ORDER BY ' || sorting || ' LIMIT $3'
      USING ids, times, most - hits;
    hits := hits + more;
    EXIT WHEN edge IS NULL OR hits >= most;
    -- Those that came at the edge were in.
    behind := edge;
    behind_id := hindmost;
    looked := looked + stretch;
    found := more;
    among := stretch;
  END LOOP;
END $$;

-- Of the mails of some accounts that came at these times, those that hold what their account's query says. Of the entered tenant:
-- without one, none. By bitmaps alone, so that a word which many hold is joined with the mails before a document is fetched; the
-- mails by their place in the account's order, whose pages lie together: each id is on a page of its own. A row is said to be dear,
-- as above. The one by ids stays for workers that run while this migration does.
CREATE FUNCTION mails_holding(accounts uuid[], queries text[], times timestamptz[]) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
DECLARE
  entered text := nullif(current_setting('postrider.tenant', true), '');
BEGIN
  IF entered IS NULL THEN
    RETURN;
  END IF;
  FOR n IN 1 .. cardinality(accounts) LOOP
    RETURN QUERY EXECUTE 'SELECT s.email_id FROM email_search s WHERE s.document @@ (SELECT $4::tsquery)
        AND s.tenant = $1 AND s.connector_id = $2 AND s.received_at = ANY ((SELECT $3)::timestamptz[])'
      USING entered, accounts[n], times, queries[n];
  END LOOP;
END $$;

DO $$ BEGIN
  -- What CREATE OR REPLACE takes away is set again.
  EXECUTE format('ALTER FUNCTION search_mails(uuid[], text[], boolean, timestamptz, timestamptz, timestamptz, uuid, bigint)
    SET search_path = %I, pg_temp SET enable_bitmapscan = on SET enable_indexscan = on SET enable_seqscan = off SET jit = off SET max_parallel_workers_per_gather = 0
    SET cpu_tuple_cost = 0.01', current_schema());
  EXECUTE format('ALTER FUNCTION mails_holding(uuid[], text[], timestamptz[])
    SET search_path = %I, pg_temp SET enable_indexscan = off SET enable_seqscan = off SET jit = off SET max_parallel_workers_per_gather = 0
    SET cpu_tuple_cost = 1000', current_schema());
END $$;
REVOKE ALL ON FUNCTION mails_holding(uuid[], text[], timestamptz[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mails_holding(uuid[], text[], timestamptz[]) TO sync_worker_tenant;
