-- A connector: one Google account connected by one user of one tenant. The row stays after the end, so that a late
-- event or a second consent finds it. Its secrets live in `credentials`, emptied at the end.

CREATE TABLE connectors (
    id             uuid        PRIMARY KEY,
    tenant         text        NOT NULL,
    owner          text        NOT NULL,
    provider       text        NOT NULL DEFAULT 'gmail' CHECK (provider = 'gmail'),
    google_sub     text        NOT NULL,
    account_id     uuid        NOT NULL REFERENCES google_accounts (id) ON DELETE RESTRICT,
    display_name   text        NOT NULL CHECK (length(display_name) BETWEEN 1 AND 400),
    email_address  text        NOT NULL,
    address_key    text        NOT NULL,
    status         text        NOT NULL CHECK (status IN ('active', 'paused', 'reauth_required', 'disconnected')),
    -- Why, for reauth_required: invalid_grant, scope_missing. Empty otherwise.
    status_reason  text        NOT NULL DEFAULT '',
    -- Space separated, as Google answers them.
    granted_scopes text        NOT NULL,
    settings       jsonb       NOT NULL DEFAULT '{}',
    -- Grows by one with each event about the connector; consumers apply only newer ones.
    version        bigint      NOT NULL CHECK (version > 0),
    -- Set once the owner asked for the mirror's erasure.
    erase_run_id   uuid,
    -- When to look whether the grant still works.
    check_due_at   timestamptz,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT connectors_identity_key UNIQUE (tenant, owner, provider, google_sub)
);
CREATE INDEX connectors_page ON connectors (tenant, owner, id);
CREATE INDEX connectors_address ON connectors (tenant, owner, address_key);
-- The two cross-tenant look-ups of the control side: who else has this account, and which grants are due for a check.
CREATE INDEX connectors_account ON connectors (account_id);
CREATE INDEX connectors_check_due ON connectors (check_due_at) WHERE check_due_at IS NOT NULL;

ALTER TABLE connectors ENABLE ROW LEVEL SECURITY;
ALTER TABLE connectors FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON connectors TO connector_tenant
    USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
    WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
GRANT SELECT, INSERT, UPDATE ON connectors TO connector_tenant;
-- Across tenants only ids, status and the check time are visible; no address, name or setting.
CREATE POLICY system ON connectors TO connector_system USING (true) WITH CHECK (true);
GRANT SELECT (id, tenant, account_id, status, check_due_at), UPDATE (check_due_at) ON connectors TO connector_system;

-- A tenant sees when its own accounts last heard from Google, nothing else of an account.
CREATE POLICY tenant ON google_accounts FOR SELECT TO connector_tenant
    USING (EXISTS (SELECT 1 FROM connectors c WHERE c.account_id = google_accounts.id));
GRANT SELECT (id, last_notification_at) ON google_accounts TO connector_tenant;

-- Sealed tokens (Fernet). `version` grows with every change of either token: it is what a lease answers, what
-- `newer_than` is compared with, and what each write is conditional on.
CREATE TABLE credentials (
    connector_id      uuid        PRIMARY KEY REFERENCES connectors (id) ON DELETE CASCADE,
    tenant            text        NOT NULL,
    version           bigint      NOT NULL CHECK (version > 0),
    -- Null: no credential. The row stays, so that versions never start over.
    refresh_sealed    text,
    access_sealed     text,
    access_expires_at timestamptz,
    -- Who is asking Google for a new access token, and until when others wait for the answer (database time).
    refresher         uuid,
    refreshing_until  timestamptz,
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT credentials_access_whole CHECK ((access_sealed IS NULL) = (access_expires_at IS NULL))
);
ALTER TABLE credentials ENABLE ROW LEVEL SECURITY;
ALTER TABLE credentials FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON credentials TO connector_tenant
    USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
    WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
GRANT SELECT, INSERT, UPDATE, DELETE ON credentials TO connector_tenant;
