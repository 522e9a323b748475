-- Header-style channels: whoever knows a channel's id and token may tell that a mailbox has news. Opened by the tenant;
-- a notice has no identity, so the row is found by its id across tenants.

CREATE TABLE channels (
    id                  uuid        PRIMARY KEY,
    tenant              text        NOT NULL,
    user_id             text        NOT NULL,
    -- Whose news it tells, and the account's address as connector last named it, in the form for look-ups.
    connector_id        uuid        NOT NULL,
    email_address       text        NOT NULL,
    -- SHA-256 of the token, which has 256 random bits.
    token_hash          bytea       NOT NULL CHECK (length(token_hash) = 32),
    -- The greatest number of a notice that was passed on; a number not above it is a repeat.
    last_message_number bigint      NOT NULL DEFAULT 0,
    last_notice_at      timestamptz,
    -- When to ask connector whether the account is still there.
    check_due_at        timestamptz NOT NULL,
    check_claimed_until timestamptz,
    created_at          timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX channels_owner ON channels (tenant, user_id, id);
CREATE INDEX channels_check_due ON channels (check_due_at);

ALTER TABLE channels ENABLE ROW LEVEL SECURITY;
ALTER TABLE channels FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON channels TO ingest_tenant
    USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
    WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
GRANT SELECT, INSERT, UPDATE, DELETE ON channels TO ingest_tenant;
CREATE POLICY system ON channels TO ingest_system USING (true) WITH CHECK (true);
GRANT SELECT, DELETE,
    UPDATE (email_address, last_message_number, last_notice_at, check_due_at, check_claimed_until)
    ON channels TO ingest_system;
