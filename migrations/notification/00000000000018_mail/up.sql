-- Mails: digests and when they are due, the addresses that want them, and how far each mail is.
-- notification_system claims `digest_schedules` and mails among `deliveries`: whose they are and when, nothing of what is in
-- them.

-- Silenced notifications and those about our own mails are in no digest, nor are those that were archived by hand; the
-- others are in exactly one. What the clean-up archived when its time was over had been waiting for its digest.
ALTER TABLE notifications ADD COLUMN in_digests boolean NOT NULL DEFAULT true;
ALTER TABLE notifications ADD COLUMN digest_id uuid;
CREATE INDEX notifications_undigested ON notifications (tenant, user_id, created_at)
    WHERE digest_id IS NULL AND in_digests AND (NOT is_archived OR archived_at >= expires_at);
CREATE INDEX notifications_digest ON notifications (tenant, digest_id) WHERE digest_id IS NOT NULL;

-- Who gets digests: scope '' = a user, for all accounts without a schedule of their own; else that account.
CREATE TABLE digest_schedules (
    id            uuid        PRIMARY KEY,
    tenant        text        NOT NULL,
    user_id       text        NOT NULL,
    scope         text        NOT NULL DEFAULT '',
    -- What came before is in no digest.
    since         timestamptz NOT NULL,
    -- The period that is under way, and the end it has by the settings of now.
    period_start  timestamptz NOT NULL,
    due_at        timestamptz NOT NULL,
    claimed_until timestamptz,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    CONSTRAINT digest_schedules_once UNIQUE (tenant, user_id, scope)
);
CREATE INDEX digest_schedules_due ON digest_schedules (due_at);

CREATE TABLE digests (
    tenant             text        NOT NULL,
    id                 uuid        NOT NULL,
    user_id            text        NOT NULL,
    scope              text        NOT NULL DEFAULT '',
    frequency          text        NOT NULL CHECK (frequency IN ('daily', 'weekly', 'monthly')),
    time_zone          text        NOT NULL,
    period_start       timestamptz NOT NULL,
    period_end         timestamptz NOT NULL,
    notification_count bigint      NOT NULL CHECK (notification_count >= 0),
    -- When the mail server took it.
    email_sent_at      timestamptz,
    created_at         timestamptz NOT NULL,
    PRIMARY KEY (tenant, id),
    CHECK (period_start < period_end),
    CONSTRAINT digests_once UNIQUE (tenant, user_id, scope, period_start)
);
CREATE INDEX digests_list ON digests (tenant, user_id, id DESC);
CREATE INDEX digests_age ON digests (tenant, created_at);

-- A mail on its way. `handed_over_at`: its content is being sent, and nothing is known yet. `doubtful`: once it was sent and no
-- answer came.
ALTER TABLE deliveries ADD COLUMN digest uuid;
ALTER TABLE deliveries ADD COLUMN address text;
ALTER TABLE deliveries ADD COLUMN handed_over_at timestamptz;
ALTER TABLE deliveries ADD COLUMN doubtful boolean NOT NULL DEFAULT false;
ALTER TABLE deliveries ADD CONSTRAINT deliveries_mail
    CHECK (channel = 'email' OR (digest IS NULL AND address IS NULL AND handed_over_at IS NULL AND NOT doubtful));
-- Mails are claimed by workers of their own.
CREATE INDEX deliveries_mail_due ON deliveries (due_at) WHERE due_at IS NOT NULL AND channel = 'email';
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE due_at IS NOT NULL AND channel <> 'email';
GRANT SELECT (channel) ON deliveries TO notification_system;

-- Addresses beside those of the user's accounts. Mails go to one only once a mailed link has confirmed it.
CREATE TABLE mail_addresses (
    tenant       text        NOT NULL,
    id           uuid        NOT NULL,
    user_id      text        NOT NULL,
    address      text        NOT NULL,
    -- As it is compared.
    key          text        NOT NULL,
    asked_at     timestamptz NOT NULL,
    confirmed_at timestamptz,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, id),
    CONSTRAINT mail_addresses_once UNIQUE (tenant, user_id, key)
);
CREATE INDEX mail_addresses_unconfirmed ON mail_addresses (tenant, asked_at) WHERE confirmed_at IS NULL;

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['digest_schedules', 'digests', 'mail_addresses'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO notification_tenant
                        USING (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))
                        WITH CHECK (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))', t);
    END LOOP;
END $$;
CREATE POLICY system ON digest_schedules TO notification_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON digest_schedules, digests, mail_addresses TO notification_tenant;
GRANT SELECT (id, tenant, user_id, due_at, claimed_until), UPDATE (claimed_until) ON digest_schedules TO notification_system;
