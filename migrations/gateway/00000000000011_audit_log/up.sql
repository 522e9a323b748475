-- Who did what in whose name, as far as it is more than using one's own account.

CREATE TABLE audit_log (
    id         uuid        PRIMARY KEY,
    tenant     text        NOT NULL,
    -- Whose account it touched.
    user_id    text        NOT NULL,
    -- Who did it.
    actor      text        NOT NULL,
    -- The API key it was done with, if any; the key itself may be gone.
    api_key_id uuid,
    action     text        NOT NULL,
    -- What it was done to or through: an id, a route.
    target     text        NOT NULL,
    -- The network the request came from.
    address    text        NOT NULL,
    request_id text        NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX audit_log_tenant ON audit_log (tenant, created_at DESC, id DESC);
CREATE INDEX audit_log_user ON audit_log (tenant, user_id, created_at DESC, id DESC);
CREATE INDEX audit_log_age ON audit_log (created_at);

ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_log FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON audit_log TO gateway_tenant
    USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
    WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
CREATE POLICY system ON audit_log TO gateway_system USING (true);
-- What is written stays: nobody may change an entry, and only age removes it.
GRANT SELECT, INSERT ON audit_log TO gateway_tenant;
GRANT SELECT (id, created_at), DELETE ON audit_log TO gateway_system;
