-- As before, and deletes rows of that age from the default partitions, which grew for ever.
CREATE OR REPLACE FUNCTION drop_partitions(outbox_days integer, inbox_days integer) RETURNS integer
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
    -- The default partitions are never dropped: their rows of the same age are deleted, a bounded number a call. They hold
    -- what came for a day without a partition, and whole days whose partition could not be made because of such a row.
    DELETE FROM outbox_default WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM outbox_default
        WHERE day < (now() AT TIME ZONE 'utc')::date - outbox_days AND sent_at IS NOT NULL LIMIT 50000));
    DELETE FROM inbox_default WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM inbox_default WHERE day < (now() AT TIME ZONE 'utc')::date - inbox_days LIMIT 50000));
    RETURN dropped;
END $$;

-- What a function is set to is not kept when it is replaced.
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION drop_partitions(integer, integer) SET search_path = %I, pg_temp', current_schema());
END $$;
