DROP FUNCTION mails_holding(uuid[], text[], timestamptz[]);
CREATE OR REPLACE FUNCTION search_mails(
  accounts uuid[], queries text[], oldest_first boolean, since timestamptz, until timestamptz,
  behind timestamptz, behind_id uuid, most bigint
) RETURNS TABLE (email_id uuid, received_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER AS $$
#variable_conflict use_column
DECLARE
  entered text := nullif(current_setting('postrider.tenant', true), '');
  walk constant integer := 150;
  sample constant integer := 200;
  few constant integer := 500;
  longest constant integer := 5000;
  guides constant integer := 3;
  stretch bigint;
  looked bigint := walk;
  sorting text := 'ORDER BY s.received_at DESC, s.email_id DESC';
  beyond text := '<';
  within text := '>=';
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
  words text[];
  several boolean;
  narrow boolean;
  joined boolean;
  word text;
  taken integer;
  sampled timestamptz[];
  guide timestamptz[];
  asked boolean := false;
  passed integer := 0;
  step integer := 5;
BEGIN
  IF entered IS NULL THEN
    RETURN;
  END IF;
  since := coalesce(since, '-infinity');
  until := coalesce(until, 'infinity');
  IF oldest_first THEN
    sorting := 'ORDER BY s.received_at, s.email_id';
    beyond := '>';
    within := '<=';
    foremost := '00000000-0000-0000-0000-000000000000';
    hindmost := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  END IF;
  narrow := behind IS NOT NULL OR since > '-infinity' OR until < 'infinity';
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

  LOOP
    -- Few of the newest hold them, or a first stretch did not fill the page.
    IF NOT asked AND (hits * 50 < walk OR looked > walk) THEN
      asked := true;
      -- Words that all must be there: the parts of the query that no OR, phrase or NOT is in.
      SELECT array_agg(part) INTO words FROM unnest(string_to_array(querytree(queries[1]::tsquery), ' & ')) AS part
        WHERE part ~ '^''[^''\s]+''(:\*)?$';
      -- NULL stands for the query itself: a single word is looked up whole if few hold it, of several few may hold all.
      several := position(' & ' IN querytree(queries[1]::tsquery)) > 0;
      FOREACH word IN ARRAY CASE WHEN several THEN array_prepend(NULL::text, words[:guides]) ELSE array_append(words, NULL::text) END LOOP
        IF word IS NULL THEN
          EXIT WHEN guide IS NOT NULL;
          -- Of a window, or behind a place, what several words are in may be far less than what all hold: it is joined, too.
          joined := several AND narrow;
          IF joined THEN
            PERFORM set_config('enable_indexscan', 'off', true), set_config('cpu_tuple_cost', '1000', true);
          END IF;
          EXECUTE 'SELECT array_agg(f.email_id), array_agg(f.received_at) FROM (SELECT s.email_id, s.received_at FROM email_search s
              WHERE s.document @@ (SELECT $7::tsquery) AND '
              || CASE WHEN joined THEN 's.tenant = $1' ELSE 's.tenant || '''' = $1' END
              || ' AND s.connector_id = $2 AND ' || place || ' LIMIT $8) f'
            INTO ids, times USING entered, accounts[1], since, until, behind, behind_id, queries[1], few;
          PERFORM set_config('enable_indexscan', 'on', true), set_config('cpu_tuple_cost', '0.01', true);
          IF coalesce(cardinality(ids), 0) < few THEN
            RETURN QUERY EXECUTE 'SELECT * FROM unnest($1, $2) AS s (email_id, received_at) ' || sorting || ' LIMIT $3'
              USING ids, times, most - hits;
            RETURN;
          END IF;
        ELSE
          PERFORM set_config('gin_fuzzy_search_limit', sample::text, true);
          EXECUTE 'SELECT count(*), array_agg(s.received_at ' || CASE WHEN oldest_first THEN 'ORDER BY s.received_at'
              ELSE 'ORDER BY s.received_at DESC' END || ') FILTER (WHERE ' || place || ') FROM (SELECT s.received_at, s.email_id
                FROM email_search s WHERE s.document @@ $7::tsquery AND s.tenant || '''' = $1 AND s.connector_id = $2 LIMIT $8) s'
            INTO taken, sampled USING entered, accounts[1], since, until, behind, behind_id, word, few;
          PERFORM set_config('gin_fuzzy_search_limit', '0', true);
          -- The word that begins last says most.
          IF taken >= sample / 2 AND (guide IS NULL OR sampled[step] IS NULL
              OR CASE WHEN oldest_first THEN sampled[step] > guide[step] ELSE sampled[step] < guide[step] END) THEN
            guide := coalesce(sampled, '{}');
          END IF;
        END IF;
      END LOOP;
    END IF;

    IF guide IS NOT NULL THEN
      passed := passed + step;
      edge := guide[passed];
    ELSE
      -- Half as long again as would be enough if the words went on as they began.
      stretch := least(greatest(longest, looked), (most - hits) * looked * 3 / (hits * 2 + 1));
      PERFORM set_config('enable_bitmapscan', 'off', true);
      EXECUTE 'SELECT s.received_at FROM email_search s WHERE s.tenant = $1 AND s.connector_id = $2 AND '
          || place || ' ' || sorting || ' LIMIT 1 OFFSET $7'
        INTO edge USING entered, accounts[1], since, until, behind, behind_id, stretch;
      PERFORM set_config('enable_bitmapscan', 'on', true);
      looked := looked + stretch;
    END IF;
    -- In the order of the index every document of the stretch would be fetched. The planner is told neither where the stretch ends
    -- nor the words, and that a row is dear: it takes words for evenly spread in time and for independent of each other, and would
    -- read all mails that hold them.
    PERFORM set_config('enable_indexscan', 'off', true), set_config('cpu_tuple_cost', '1000', true);
    RETURN QUERY EXECUTE 'SELECT s.email_id, s.received_at FROM email_search s
        WHERE s.document @@ (SELECT $7::tsquery) AND s.tenant = $1 AND s.connector_id = $2 AND ' || place || '
          AND (s.received_at, s.email_id) ' || within || ' ((SELECT $8), $9) ' || sorting || ' LIMIT $10'
      USING entered, accounts[1], since, until, behind, behind_id, queries[1],
        coalesce(edge, CASE WHEN oldest_first THEN 'infinity' ELSE '-infinity' END::timestamptz), hindmost, most - hits;
    GET DIAGNOSTICS more = ROW_COUNT;
    PERFORM set_config('enable_indexscan', 'on', true), set_config('cpu_tuple_cost', '0.01', true);
    hits := hits + more;
    EXIT WHEN edge IS NULL OR hits >= most;
    -- Those that came at the edge were in.
    behind := edge;
    behind_id := hindmost;
    -- Half as many again as would be enough if those behind were as frequent among those that were taken at random.
    IF guide IS NOT NULL THEN
      step := least(step * 4, (most - hits) * step * 3 / (more * 2 + 1) + 1);
    END IF;
  END LOOP;
END $$;

-- What CREATE OR REPLACE takes away is set again.
DO $$ BEGIN
  EXECUTE format('ALTER FUNCTION search_mails(uuid[], text[], boolean, timestamptz, timestamptz, timestamptz, uuid, bigint)
    SET search_path = %I, pg_temp SET enable_bitmapscan = on SET enable_indexscan = on SET enable_seqscan = off SET jit = off SET max_parallel_workers_per_gather = 0
    SET cpu_tuple_cost = 0.01 SET gin_fuzzy_search_limit = 0', current_schema());
END $$;
