-- The part every service's schema shares; the text is the same in all of them (a check compares).
-- Runs as <role>_owner with search_path = the service's schema. Roles: <role>_tenant sees one tenant's rows,
-- <role>_system sees control tables across tenants. current_schema() names nothing secret: role names follow from the
-- owner's name.

-- Outbox: a log of events, kept 7 days by whole partitions, written in the transaction of the state it reports (law 1).
CREATE TABLE outbox (
    day          date        NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'utc')::date,
    id           uuid        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    available_at timestamptz NOT NULL DEFAULT clock_timestamp() + interval '5 seconds',
    sent_at      timestamptz,
    attempts     integer     NOT NULL DEFAULT 0,
    last_error   text,
    event_type   text        NOT NULL,
    source       text        NOT NULL,
    event_time   timestamptz NOT NULL,
    traceparent  text,
    tenant       text,
    user_id      text,
    connector_id uuid,
    stream       text        NOT NULL,
    seq          bigint      NOT NULL,
    payload      bytea       NOT NULL,
    PRIMARY KEY (day, id)
) PARTITION BY RANGE (day);
CREATE INDEX outbox_pending ON outbox (available_at) WHERE sent_at IS NULL;
CREATE INDEX outbox_stream ON outbox (stream, seq);

-- Streams: the dense sequence events of one connector or mailbox stand in.
CREATE TABLE streams (
    stream     text        PRIMARY KEY,
    tenant     text,
    head       bigint      NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX streams_updated ON streams (updated_at);

-- Inbox: which events a consumer has taken effect of, by the day inside the event's UUIDv7.
CREATE TABLE inbox (
    day        date        NOT NULL,
    consumer   text        NOT NULL,
    event_id   uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (day, consumer, event_id)
) PARTITION BY RANGE (day);

-- How far a consumer knows a stream without a gap.
CREATE TABLE stream_heads (
    consumer   text        NOT NULL,
    stream     text        NOT NULL,
    head       bigint      NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (consumer, stream)
);

-- Leases of scheduled jobs: one replica at a time, on database time.
CREATE TABLE leases (
    name       text        PRIMARY KEY,
    owner      text        NOT NULL,
    epoch      bigint      NOT NULL,
    until      timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Day partitions: a default one catches what no day holds, so that an insert never fails for want of a partition.
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;
CREATE TABLE inbox_default PARTITION OF inbox DEFAULT;

-- Makes the partitions of yesterday to `ahead` days from now; returns how many were made. Runs as the owner because
-- services may not create tables.
CREATE FUNCTION ensure_partitions(ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    made integer := 0;
    parent text;
    d date;
    name text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext(current_schema() || '.partitions'));
    FOREACH parent IN ARRAY ARRAY['outbox', 'inbox'] LOOP
        FOR d IN SELECT g::date FROM generate_series((now() AT TIME ZONE 'utc')::date - 1,
                                                     (now() AT TIME ZONE 'utc')::date + ahead, interval '1 day') g LOOP
            name := parent || '_' || to_char(d, 'YYYYMMDD');
            IF to_regclass(quote_ident(name)) IS NULL THEN
                BEGIN
                    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', name, parent, d, d + 1);
                    made := made + 1;
                EXCEPTION WHEN check_violation THEN
                    -- The default partition already holds rows of that day: they stay there until they are pruned.
                    NULL;
                END;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;

-- Drops outbox partitions older than `outbox_days` (only if every row was sent) and inbox partitions older than
-- `inbox_days`; returns how many were dropped.
CREATE FUNCTION drop_partitions(outbox_days integer, inbox_days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    dropped integer := 0;
    part record;
    d date;
    unsent boolean;
BEGIN
    FOR part IN
        SELECT c.relname, p.relname AS parent FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = current_schema() AND p.relname IN ('outbox', 'inbox') AND c.relname ~ '_[0-9]{8}$'
    LOOP
        d := to_date(right(part.relname, 8), 'YYYYMMDD');
        IF part.parent = 'outbox' AND d < (now() AT TIME ZONE 'utc')::date - outbox_days THEN
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE sent_at IS NULL)', part.relname) INTO unsent;
            IF NOT unsent THEN
                EXECUTE format('DROP TABLE %I', part.relname);
                dropped := dropped + 1;
            END IF;
        ELSIF part.parent = 'inbox' AND d < (now() AT TIME ZONE 'utc')::date - inbox_days THEN
            EXECUTE format('DROP TABLE %I', part.relname);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    RETURN dropped;
END $$;

-- Row-level security and rights, spelled with the service's own role names.
DO $$
DECLARE
    owner  text := current_user;
    tenant text := regexp_replace(current_user, '_owner$', '_tenant');
    system text := regexp_replace(current_user, '_owner$', '_system');
    t      text;
BEGIN
    FOREACH t IN ARRAY ARRAY['outbox', 'streams'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO %I USING (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))
                        WITH CHECK (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))', t, tenant);
        EXECUTE format('CREATE POLICY system ON %I TO %I USING (true) WITH CHECK (true)', t, system);
    END LOOP;
    -- The pruning function must see unsent rows whoever's they are; it runs as the owner.
    EXECUTE format('CREATE POLICY prune ON outbox FOR SELECT TO %I USING (true)', owner);
    EXECUTE format('GRANT SELECT, INSERT ON outbox TO %I', tenant);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON streams TO %I', tenant);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON outbox, streams TO %I', system);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON inbox TO %I, %I', tenant, system);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON stream_heads TO %I, %I', tenant, system);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON leases TO %I', system);
    -- A definer function must not look names up in the caller's path.
    EXECUTE format('ALTER FUNCTION ensure_partitions(integer) SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION drop_partitions(integer, integer) SET search_path = %I, pg_temp', current_schema());
    REVOKE ALL ON FUNCTION ensure_partitions(integer), drop_partitions(integer, integer) FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION ensure_partitions(integer), drop_partitions(integer, integer) TO %I', system);
END $$;

SELECT ensure_partitions(2);
