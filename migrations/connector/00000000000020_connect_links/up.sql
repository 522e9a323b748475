-- Links that may be mailed: whoever opens one and consents connects one account to one owner. The row says who asked for
-- whom and what became of it; the link's token is kept as a hash.

CREATE TABLE connect_links (
    id            uuid        PRIMARY KEY,
    tenant        text        NOT NULL,
    -- Whose connector it makes or renews.
    user_id       text        NOT NULL,
    -- Who made it. Null: the service itself, for a mail about a lost grant.
    asked_by      text,
    token_hash    bytea       NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    -- The connector it renews, or the address of the account it connects.
    connector_id  uuid        REFERENCES connectors (id) ON DELETE CASCADE,
    email_address text,
    address_key   text,
    return_to     text,
    expires_at    timestamptz NOT NULL,
    -- An account was connected by it.
    used_at       timestamptz,
    revoked_at    timestamptz,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT connect_links_one_account CHECK ((connector_id IS NULL) <> (address_key IS NULL)),
    CONSTRAINT connect_links_address_whole CHECK ((email_address IS NULL) = (address_key IS NULL))
);
CREATE INDEX connect_links_user ON connect_links (tenant, user_id, id);
CREATE INDEX connect_links_asked_by ON connect_links (tenant, asked_by, id);
CREATE INDEX connect_links_connector ON connect_links (connector_id);
CREATE INDEX connect_links_expires ON connect_links (expires_at);

ALTER TABLE connect_links ENABLE ROW LEVEL SECURITY;
ALTER TABLE connect_links FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON connect_links TO connector_tenant
    USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
    WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
GRANT SELECT, INSERT, UPDATE ON connect_links TO connector_tenant;
-- Whoever opens a link has no identity: its tenant is found by the hash of its token. Old rows go by age.
CREATE POLICY system ON connect_links TO connector_system USING (true);
GRANT SELECT (id, tenant, token_hash, expires_at), DELETE ON connect_links TO connector_system;

-- The link a consent was begun by: only its account may end it.
ALTER TABLE oauth_states ADD COLUMN link_id uuid REFERENCES connect_links (id) ON DELETE CASCADE;
CREATE INDEX oauth_states_link ON oauth_states (link_id) WHERE link_id IS NOT NULL;

-- Accounts that only a refused consent left behind are found by their ended grant.
CREATE INDEX google_accounts_ended ON google_accounts (grant_ended_at)
    WHERE grant_ended_at IS NOT NULL AND address_key <> '';
