DROP INDEX user_log_account;
DROP INDEX notifications_archived_at;
DROP INDEX notifications_expiry;
REVOKE UPDATE (silent, event, payload) ON user_log FROM notification_tenant;
REVOKE DELETE ON notifications FROM notification_tenant;
