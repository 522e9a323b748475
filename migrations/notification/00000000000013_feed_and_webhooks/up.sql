-- The event feed of each account, and the programs that are told of it.
-- notification_system claims `deliveries` and redeems `feed_tickets`: it sees who is due and when, nothing of what is sent.

-- Every event of a mailbox's stream, under its number there; 30 days.
CREATE TABLE feed (
    tenant     text        NOT NULL,
    account_id uuid        NOT NULL,
    seq        bigint      NOT NULL,
    user_id    text        NOT NULL,
    event_id   uuid        NOT NULL,
    -- `erased` once the account was: the number stays, the content goes.
    type       text        NOT NULL,
    time       timestamptz NOT NULL,
    data       jsonb       NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, account_id, seq)
);
CREATE INDEX feed_age ON feed (tenant, created_at);

-- A browser's EventSource cannot send a token: a ticket stands for one, once, for a minute.
CREATE TABLE feed_tickets (
    hash       bytea       PRIMARY KEY,
    tenant     text        NOT NULL,
    user_id    text        NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX feed_tickets_age ON feed_tickets (expires_at);

CREATE TABLE webhook_endpoints (
    tenant            text        NOT NULL,
    id                uuid        NOT NULL,
    user_id           text        NOT NULL,
    -- Told of what belongs to anybody of the tenant.
    whole_tenant      boolean     NOT NULL DEFAULT false,
    url               text        NOT NULL,
    -- Empty: all types.
    event_types       text[]      NOT NULL DEFAULT '{}',
    -- Null: all accounts.
    account_ids       uuid[],
    include_content   boolean     NOT NULL DEFAULT false,
    status            text        NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'disabled')),
    disabled_reason   text        CHECK (disabled_reason IN ('owner', 'gone', 'failing')),
    disabled_at       timestamptz,
    -- Since when nothing was accepted; null after each success.
    failing_since     timestamptz,
    -- Sealed, as everything that proves something. The former one signs too, until it ends.
    secret_sealed     text        NOT NULL,
    old_secret_sealed text,
    old_secret_until  timestamptz,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    PRIMARY KEY (tenant, id),
    CHECK ((status = 'disabled') = (disabled_reason IS NOT NULL))
);
CREATE INDEX webhook_endpoints_user ON webhook_endpoints (tenant, user_id, id);

-- What goes out and is tried again until it is taken. The content is read when it is sent.
CREATE TABLE deliveries (
    tenant        text        NOT NULL,
    id            uuid        NOT NULL PRIMARY KEY,
    endpoint_id   uuid        NOT NULL,
    -- What the receiver knows it by, over all attempts.
    event_id      uuid        NOT NULL,
    type          text        NOT NULL,
    -- Its place in the feed, or the notification it is about; neither for a test.
    account_id    uuid,
    seq           bigint,
    notification  uuid,
    state         text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts      integer     NOT NULL DEFAULT 0,
    -- When it is tried next; null while its endpoint is disabled, and at the end.
    due_at        timestamptz,
    claimed_until timestamptz,
    status_code   integer,
    -- A stable word: what the last attempt met.
    error         text,
    attempted_at  timestamptz,
    delivered_at  timestamptz,
    created_at    timestamptz NOT NULL,
    CONSTRAINT deliveries_once UNIQUE (tenant, endpoint_id, event_id),
    FOREIGN KEY (tenant, endpoint_id) REFERENCES webhook_endpoints (tenant, id) ON DELETE CASCADE,
    CHECK (due_at IS NULL OR state = 'pending')
);
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX deliveries_log ON deliveries (tenant, endpoint_id, id DESC);
CREATE INDEX deliveries_notification ON deliveries (tenant, notification) WHERE notification IS NOT NULL;
CREATE INDEX deliveries_age ON deliveries (tenant, created_at);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['feed', 'feed_tickets', 'webhook_endpoints', 'deliveries'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO notification_tenant
                        USING (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))
                        WITH CHECK (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))', t);
    END LOOP;
END $$;
CREATE POLICY system ON deliveries TO notification_system USING (true) WITH CHECK (true);
CREATE POLICY system ON feed_tickets TO notification_system USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoints, deliveries TO notification_tenant;
GRANT SELECT, INSERT, DELETE ON feed TO notification_tenant;
GRANT UPDATE (type, data) ON feed TO notification_tenant;
GRANT INSERT ON feed_tickets TO notification_tenant;
GRANT SELECT, DELETE ON feed_tickets TO notification_system;
GRANT SELECT (tenant, id, due_at, claimed_until), UPDATE (claimed_until) ON deliveries TO notification_system;
