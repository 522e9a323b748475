-- Expired notifications are archived and later deleted; of an erased account nothing stays but the places in the log.
GRANT DELETE ON notifications TO notification_tenant;
GRANT UPDATE (silent, event, payload) ON user_log TO notification_tenant;
CREATE INDEX notifications_expiry ON notifications (tenant, expires_at) WHERE NOT is_archived;
CREATE INDEX notifications_archived_at ON notifications (tenant, archived_at) WHERE is_archived;
CREATE INDEX user_log_account ON user_log (tenant, account_id) WHERE account_id IS NOT NULL;
