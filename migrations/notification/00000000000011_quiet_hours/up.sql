-- Quiet hours: rows that are there and counted, but whose alert waits; and who must be looked at when such hours end.
-- notification_system reads and claims `quiet_ends`: whose they end and when, nothing of what waits.

ALTER TABLE notifications ADD COLUMN held_until timestamptz;
CREATE INDEX notifications_held ON notifications (tenant, user_id, created_nseq) WHERE held_until IS NOT NULL;

-- A silent entry moves the sequence and the unread count and is no alert: it was held, silenced, or is not wanted.
ALTER TABLE user_log ADD COLUMN silent boolean NOT NULL DEFAULT false;
ALTER TABLE user_log DROP CONSTRAINT user_log_kind_check;
ALTER TABLE user_log ADD CONSTRAINT user_log_kind_check
    CHECK (kind IN ('created', 'read', 'unread', 'archived', 'withdrawn', 'released'));

-- One row for each user with something held: one replica at a time decides it again.
CREATE TABLE quiet_ends (
    id            uuid        PRIMARY KEY,
    tenant        text        NOT NULL,
    user_id       text        NOT NULL,
    due_at        timestamptz NOT NULL,
    claimed_until timestamptz,
    created_at    timestamptz NOT NULL,
    UNIQUE (tenant, user_id)
);
CREATE INDEX quiet_ends_due ON quiet_ends (due_at);

ALTER TABLE quiet_ends ENABLE ROW LEVEL SECURITY;
ALTER TABLE quiet_ends FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON quiet_ends TO notification_tenant
    USING (tenant = nullif(current_setting('postrider.tenant', true), ''))
    WITH CHECK (tenant = nullif(current_setting('postrider.tenant', true), ''));
CREATE POLICY system ON quiet_ends TO notification_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON quiet_ends TO notification_tenant;
GRANT SELECT, UPDATE ON quiet_ends TO notification_system;
