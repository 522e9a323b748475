-- Keys of the API: who bears one is its user, with its scopes. Made by the tenant; found by hash across tenants, because
-- a request says who it is by its key alone.

CREATE TABLE api_keys (
    id           uuid        PRIMARY KEY,
    tenant       text        NOT NULL,
    user_id      text        NOT NULL,
    name         text        NOT NULL,
    -- SHA-256 of the key. It has 256 random bits: a slow hash would protect nothing more.
    key_hash     bytea       NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    -- How the key begins, for people to tell theirs apart.
    hint         text        NOT NULL,
    scopes       text        NOT NULL,
    expires_at   timestamptz,
    last_used_at timestamptz,
    created_at   timestamptz NOT NULL
);
CREATE INDEX api_keys_owner ON api_keys (tenant, user_id, id);
CREATE INDEX api_keys_expires ON api_keys (expires_at) WHERE expires_at IS NOT NULL;

ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON api_keys TO gateway_tenant
    USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
    WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
CREATE POLICY system ON api_keys TO gateway_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON api_keys TO gateway_tenant;
GRANT SELECT (id, tenant, user_id, key_hash, scopes, expires_at, last_used_at), UPDATE (last_used_at), DELETE
    ON api_keys TO gateway_system;
