DROP TABLE credentials;
DROP POLICY tenant ON google_accounts;
REVOKE SELECT (id, last_notification_at) ON google_accounts FROM connector_tenant;
DROP TABLE connectors;
