-- What one connector asked to be watched. Google's own watch is one for each account (google_accounts); this row is the
-- connector's share in it and carries the version of its watch.* events.

CREATE TABLE watches (
    id           uuid        PRIMARY KEY,
    tenant       text        NOT NULL,
    connector_id uuid        NOT NULL REFERENCES connectors (id) ON DELETE CASCADE,
    watch_type   text        NOT NULL CHECK (watch_type IN ('push', 'polling')),
    -- pending: asked for, Google has not answered yet; lapsed: Google's watch ended unrenewed.
    state        text        NOT NULL CHECK (state IN ('pending', 'active', 'lapsed', 'stopped')),
    history_id   bigint      NOT NULL DEFAULT 0,
    expires_at   timestamptz,
    version      bigint      NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT watches_connector_key UNIQUE (connector_id)
);
CREATE INDEX watches_tenant ON watches (tenant, connector_id);

ALTER TABLE watches ENABLE ROW LEVEL SECURITY;
ALTER TABLE watches FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON watches TO connector_tenant
    USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
    WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
GRANT SELECT, INSERT, UPDATE ON watches TO connector_tenant;
-- Across tenants: who has a share in an account's watch.
CREATE POLICY system ON watches FOR SELECT TO connector_system USING (true);
GRANT SELECT (connector_id, tenant, watch_type, state) ON watches TO connector_system;
