DROP INDEX google_accounts_watch_called;
ALTER TABLE google_accounts DROP COLUMN watch_silent_since;
ALTER TABLE google_accounts DROP COLUMN watch_called_at;
