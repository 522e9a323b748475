-- What Google knows, outside tenancy: an OAuth client ("app") and the accounts that consented to it. Google's watch,
-- its stop and its revoke act on the whole account for one app, whoever connected it, so they hang here.

CREATE TABLE google_apps (
    id         uuid        PRIMARY KEY,
    client_id  text        NOT NULL UNIQUE CHECK (length(client_id) BETWEEN 1 AND 512),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE google_accounts (
    id                   uuid        PRIMARY KEY,
    app_id               uuid        NOT NULL REFERENCES google_apps (id) ON DELETE RESTRICT,
    -- Google's `sub`, or `email:<address key>` while only a bare refresh token is known.
    sub                  text        NOT NULL CHECK (length(sub) BETWEEN 1 AND 400),
    -- true: known by its address only, so another row may be the same account.
    by_address           boolean     NOT NULL,
    email_address        text        NOT NULL,
    address_key          text        NOT NULL,
    -- A push for this address was seen.
    last_notification_at timestamptz,
    -- The whole grant was last revoked by us; tokens issued before are dead.
    grant_ended_at       timestamptz,
    -- Some live connector wants Google's push watch.
    watch_wanted         boolean     NOT NULL DEFAULT false,
    watch_topic          text,
    watch_history_id     bigint,
    -- Null: no watch is running as far as we know.
    watch_expires_at     timestamptz,
    -- When to call watch or stop next; null: nothing to do.
    watch_due_at         timestamptz,
    -- A replica is at it; on database time.
    watch_claimed_until  timestamptz,
    watch_attempts       integer     NOT NULL DEFAULT 0,
    watch_error          text,
    created_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT google_accounts_sub_key UNIQUE (app_id, sub)
);
CREATE INDEX google_accounts_address ON google_accounts (address_key);
CREATE INDEX google_accounts_watch_due ON google_accounts (watch_due_at) WHERE watch_due_at IS NOT NULL;
CREATE INDEX google_accounts_watch_expires ON google_accounts (watch_expires_at) WHERE watch_expires_at IS NOT NULL;

ALTER TABLE google_apps ENABLE ROW LEVEL SECURITY;
ALTER TABLE google_apps FORCE ROW LEVEL SECURITY;
ALTER TABLE google_accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE google_accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON google_apps TO connector_system USING (true) WITH CHECK (true);
CREATE POLICY system ON google_accounts TO connector_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON google_apps TO connector_system;
GRANT SELECT, INSERT, UPDATE ON google_accounts TO connector_system;
