DROP TABLE sync_listing;
DROP TABLE sync_runs;
