-- Grants to be given back to Google: written in the transaction that disconnects an account's last live connector,
-- worked off in the background, so that a crash or an unreachable Google delays a revoke and never forgets it.

CREATE TABLE grant_endings (
    id             uuid        PRIMARY KEY,
    account_id     uuid        NOT NULL REFERENCES google_accounts (id) ON DELETE RESTRICT,
    refresh_sealed text        NOT NULL,
    -- Google's watch may run and is stopped first.
    stop_watch     boolean     NOT NULL,
    due_at         timestamptz NOT NULL,
    claimed_until  timestamptz,
    attempts       integer     NOT NULL DEFAULT 0,
    last_error     text,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX grant_endings_due ON grant_endings (due_at);
CREATE INDEX grant_endings_account ON grant_endings (account_id);

ALTER TABLE grant_endings ENABLE ROW LEVEL SECURITY;
ALTER TABLE grant_endings FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON grant_endings TO connector_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON grant_endings TO connector_system;
