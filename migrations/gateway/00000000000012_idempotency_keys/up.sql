-- Writes under an Idempotency-Key, for a day: one is carried out once, a repeat gets the first answer.

CREATE TABLE idempotency_keys (
    tenant       text        NOT NULL,
    user_id      text        NOT NULL,
    -- SHA-256 of the key. The key itself is not kept: the answer is sealed with it.
    key_hash     bytea       NOT NULL CHECK (length(key_hash) = 32),
    -- SHA-256 of all that makes the request what it is.
    request_hash bytea       NOT NULL CHECK (length(request_hash) = 32),
    -- Who carries it out now, and until when that counts as under way.
    claim        uuid        NOT NULL,
    claimed_until timestamptz NOT NULL,
    -- The answer. It may hold a secret that is shown once, so only who knows the key can open it.
    answer_sealed text,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, user_id, key_hash)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON idempotency_keys TO gateway_tenant
    USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
    WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
CREATE POLICY system ON idempotency_keys TO gateway_system USING (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO gateway_tenant;
GRANT SELECT (created_at), DELETE ON idempotency_keys TO gateway_system;
