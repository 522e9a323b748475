-- Google sends a push at once when it is asked to watch: one that does not arrive says that pushes are lost on their way.
ALTER TABLE google_accounts ADD COLUMN watch_called_at timestamptz;
-- Since when the watch's own push is missed; null: it came, or it is too soon to tell.
ALTER TABLE google_accounts ADD COLUMN watch_silent_since timestamptz;
CREATE INDEX google_accounts_watch_called ON google_accounts (watch_called_at) WHERE watch_expires_at IS NOT NULL;
GRANT SELECT (watch_silent_since) ON google_accounts TO connector_tenant;
