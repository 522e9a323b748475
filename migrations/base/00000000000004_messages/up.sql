-- Messages of this service's queues where the installation has no RabbitMQ and all services are one process. Otherwise
-- empty. Rows of those that wait, that are under way (each delivery is counted before its handler sees it) and of dead
-- letters; what is done is deleted. Control table: the process moves messages of all tenants.
CREATE TABLE messages (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue        text        NOT NULL,
    attempt      integer     NOT NULL DEFAULT 1,
    deliveries   integer     NOT NULL DEFAULT 0,
    due_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    died_at      timestamptz,
    reason       text,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    event_id     uuid        NOT NULL,
    event_type   text        NOT NULL,
    source       text        NOT NULL,
    event_time   timestamptz NOT NULL,
    traceparent  text,
    tenant       text,
    user_id      text,
    connector_id uuid,
    stream       text,
    seq          bigint,
    payload      bytea       NOT NULL,
    CHECK ((died_at IS NULL) = (reason IS NULL)),
    CHECK ((stream IS NULL) = (seq IS NULL))
);
-- The oldest first; and when the next one is due.
CREATE INDEX messages_waiting ON messages (queue, id) WHERE died_at IS NULL;
CREATE INDEX messages_due ON messages (queue, due_at) WHERE died_at IS NULL;
CREATE INDEX messages_dead ON messages (queue, id) WHERE died_at IS NOT NULL;
ALTER TABLE messages ENABLE ROW LEVEL SECURITY;
ALTER TABLE messages FORCE ROW LEVEL SECURITY;

-- The roles' names follow from the owner's, as in the base.
DO $$
DECLARE
    system text := regexp_replace(current_user, '_owner$', '_system');
BEGIN
    EXECUTE format('CREATE POLICY system ON messages TO %I USING (true) WITH CHECK (true)', system);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON messages TO %I', system);
END $$;
