-- A notification, and what a trigger set off, know the event of the feed they are about; deliveries go out by several
-- channels; browsers that take pushes.

ALTER TABLE notifications ADD COLUMN feed_seq bigint;
ALTER TABLE trigger_fires ADD COLUMN feed_seq bigint;

-- Where a browser is reached (RFC 8030), with what its messages are encrypted by (RFC 8291). Both are of use only
-- together with the server's own key, which is not kept here.
CREATE TABLE push_subscriptions (
    tenant     text        NOT NULL,
    id         uuid        NOT NULL,
    user_id    text        NOT NULL,
    endpoint   text        NOT NULL,
    p256dh     text        NOT NULL,
    auth       text        NOT NULL,
    -- The server's public key the browser subscribed with: another one is refused by its push service.
    server_key text        NOT NULL,
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, id),
    CONSTRAINT push_subscriptions_once UNIQUE (tenant, user_id, endpoint)
);
CREATE INDEX push_subscriptions_user ON push_subscriptions (tenant, user_id, id);

ALTER TABLE deliveries ADD COLUMN channel text NOT NULL DEFAULT 'webhook'
    CHECK (channel IN ('webhook', 'push', 'email'));
ALTER TABLE deliveries ALTER COLUMN endpoint_id DROP NOT NULL;
ALTER TABLE deliveries ADD CONSTRAINT deliveries_endpoint CHECK ((channel = 'webhook') = (endpoint_id IS NOT NULL));
-- Whom it goes to; older rows are webhooks, whose endpoint says it.
ALTER TABLE deliveries ADD COLUMN user_id text;
-- Not a foreign key: what was sent to a browser that is gone stays in the log.
ALTER TABLE deliveries ADD COLUMN push_subscription uuid;
ALTER TABLE deliveries ADD CONSTRAINT deliveries_push
    CHECK ((channel = 'push') = (push_subscription IS NOT NULL)),
    ADD CONSTRAINT deliveries_whose CHECK (channel = 'webhook' OR user_id IS NOT NULL);
CREATE UNIQUE INDEX deliveries_push_once ON deliveries (tenant, push_subscription, event_id) WHERE channel = 'push';
CREATE UNIQUE INDEX deliveries_email_once ON deliveries (tenant, event_id) WHERE channel = 'email';

-- What one message stands for, where it stands for several: what waited for the end of quiet hours.
CREATE TABLE delivery_covers (
    tenant       text        NOT NULL,
    delivery_id  uuid        NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    notification uuid        NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (delivery_id, notification)
);
CREATE INDEX delivery_covers_notification ON delivery_covers (tenant, notification);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['push_subscriptions', 'delivery_covers'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO notification_tenant
                        USING (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))
                        WITH CHECK (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))', t);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON push_subscriptions TO notification_tenant;
GRANT SELECT, INSERT ON delivery_covers TO notification_tenant;

-- `skipped`: what it was about was read, withdrawn or gone before it was sent.
ALTER TABLE deliveries DROP CONSTRAINT deliveries_state_check;
ALTER TABLE deliveries ADD CONSTRAINT deliveries_state_check
    CHECK (state IN ('pending', 'delivered', 'failed', 'skipped'));
