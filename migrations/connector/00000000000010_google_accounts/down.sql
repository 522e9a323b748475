DROP TABLE google_accounts;
DROP TABLE google_apps;
