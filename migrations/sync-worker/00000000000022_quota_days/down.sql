COMMENT ON COLUMN sync_runs.page_token IS NULL;
DROP TABLE quota_days;
