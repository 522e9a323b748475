-- Consents under way. The callback comes without identity, so the row is found by the hash of its state and says whose
-- consent it is. A row is used once; a consent that waits for the owner's word keeps its grant sealed here.

CREATE TABLE oauth_states (
    state_hash      bytea       PRIMARY KEY CHECK (length(state_hash) = 32),
    tenant          text        NOT NULL,
    user_id         text        NOT NULL,
    verifier_sealed text        NOT NULL,
    -- Hash of the start cookie: whoever brings it back is the browser that began.
    cookie_hash     bytea       NOT NULL CHECK (length(cookie_hash) = 32),
    return_to       text,
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz,
    -- The confirm page's one-time token, and the grant it stands for.
    confirm_hash    bytea       UNIQUE CHECK (length(confirm_hash) = 32),
    grant_sealed    text,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT oauth_states_confirm_whole CHECK ((confirm_hash IS NULL) = (grant_sealed IS NULL))
);
CREATE INDEX oauth_states_expires ON oauth_states (expires_at);

ALTER TABLE oauth_states ENABLE ROW LEVEL SECURITY;
ALTER TABLE oauth_states FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON oauth_states TO connector_tenant
    USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
    WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
CREATE POLICY system ON oauth_states TO connector_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON oauth_states TO connector_tenant;
GRANT SELECT, UPDATE, DELETE ON oauth_states TO connector_system;
