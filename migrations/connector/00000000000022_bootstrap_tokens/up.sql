-- Which connector a token of GMAIL_REFRESH_TOKEN made, by the token's hash: an erased connector keeps nothing of its account,
-- so a restart with the same token in the environment would connect the account anew.
CREATE TABLE bootstrap_tokens (
    tenant       text        NOT NULL,
    user_id      text        NOT NULL,
    -- SHA-256 of a text that cannot be guessed.
    token_hash   bytea       NOT NULL CHECK (length(token_hash) = 32),
    connector_id uuid        NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, user_id, token_hash)
);
CREATE INDEX bootstrap_tokens_connector ON bootstrap_tokens (connector_id);
ALTER TABLE bootstrap_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE bootstrap_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON bootstrap_tokens TO connector_tenant
    USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
    WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
GRANT SELECT, INSERT ON bootstrap_tokens TO connector_tenant;
