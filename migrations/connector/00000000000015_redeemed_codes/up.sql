-- What Google gave for an authorisation code whose account could not be named yet (Gmail was away). Google takes a code
-- once: whoever brings it again goes on with this. Found by the code's hash, for the user who brought it only.

CREATE TABLE redeemed_codes (
    code_hash     bytea       PRIMARY KEY CHECK (length(code_hash) = 32),
    tenant        text        NOT NULL,
    user_id       text        NOT NULL,
    answer_sealed text        NOT NULL,
    expires_at    timestamptz NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX redeemed_codes_expires ON redeemed_codes (expires_at);

ALTER TABLE redeemed_codes ENABLE ROW LEVEL SECURITY;
ALTER TABLE redeemed_codes FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON redeemed_codes TO connector_tenant
    USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
    WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
CREATE POLICY system ON redeemed_codes TO connector_system USING (true);
GRANT SELECT, INSERT, DELETE ON redeemed_codes TO connector_tenant;
-- Clean-up by age; nothing of the content is visible across tenants.
GRANT SELECT (expires_at), DELETE ON redeemed_codes TO connector_system;
