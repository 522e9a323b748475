-- Triggers that a signed request sets off, and triggers that look into a mail's text.
-- notification_system learns whose a trigger of the former kind is (a request names no tenant), and claims
-- `trigger_checks`: which mails are to be looked into, nothing of them.

ALTER TABLE triggers DROP CONSTRAINT triggers_type_check;
ALTER TABLE triggers ADD CONSTRAINT triggers_type_check CHECK (type IN ('email', 'webhook'));
ALTER TABLE triggers ALTER COLUMN account_id DROP NOT NULL;
-- Sealed, as endpoints' secrets; the former one is taken too, until it ends.
ALTER TABLE triggers ADD COLUMN secret_sealed text, ADD COLUMN old_secret_sealed text,
    ADD COLUMN old_secret_until timestamptz;
ALTER TABLE triggers ADD CONSTRAINT triggers_of_mail CHECK ((type = 'email') = (account_id IS NOT NULL)),
    ADD CONSTRAINT triggers_of_requests CHECK ((type = 'webhook') = (secret_sealed IS NOT NULL));

ALTER TABLE trigger_fires ALTER COLUMN account_id DROP NOT NULL, ALTER COLUMN message_id DROP NOT NULL,
    ALTER COLUMN email_id DROP NOT NULL;
-- `webhook-id` of the request that set it off.
ALTER TABLE trigger_fires ADD COLUMN request_id text;
ALTER TABLE trigger_fires ADD CONSTRAINT trigger_fires_cause CHECK ((message_id IS NULL) <> (request_id IS NULL));
CREATE UNIQUE INDEX trigger_fires_request ON trigger_fires (tenant, trigger_id, request_id)
    WHERE request_id IS NOT NULL;

-- Mails that are all a trigger wants but for the text, which the sync-worker has.
CREATE TABLE trigger_checks (
    id            uuid        PRIMARY KEY,
    tenant        text        NOT NULL,
    user_id       text        NOT NULL,
    trigger_id    uuid        NOT NULL,
    account_id    uuid        NOT NULL,
    message_id    text        NOT NULL,
    email_id      text        NOT NULL,
    feed_seq      bigint,
    attempts      integer     NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL,
    claimed_until timestamptz,
    created_at    timestamptz NOT NULL,
    CONSTRAINT trigger_checks_once UNIQUE (tenant, trigger_id, message_id),
    FOREIGN KEY (tenant, trigger_id) REFERENCES triggers (tenant, id) ON DELETE CASCADE
);
CREATE INDEX trigger_checks_due ON trigger_checks (due_at);

ALTER TABLE trigger_checks ENABLE ROW LEVEL SECURITY;
ALTER TABLE trigger_checks FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON trigger_checks TO notification_tenant
    USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
    WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
CREATE POLICY system ON trigger_checks TO notification_system USING (true) WITH CHECK (true);
CREATE POLICY system ON triggers FOR SELECT TO notification_system USING (type = 'webhook');
GRANT SELECT, INSERT, UPDATE, DELETE ON trigger_checks TO notification_tenant;
GRANT SELECT (id, tenant, due_at, claimed_until), UPDATE (claimed_until) ON trigger_checks TO notification_system;
GRANT SELECT (tenant, id, type) ON triggers TO notification_system;
CREATE INDEX triggers_by_id ON triggers (id) WHERE type = 'webhook';

-- Channels that what it says goes out by, also where its user has not chosen them for everything.
ALTER TABLE triggers ADD COLUMN also text[] NOT NULL DEFAULT '{}';
ALTER TABLE notifications ADD COLUMN also text[] NOT NULL DEFAULT '{}';
