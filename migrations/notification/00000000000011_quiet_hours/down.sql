DROP TABLE quiet_ends;
DELETE FROM user_log WHERE kind = 'released';
ALTER TABLE user_log DROP CONSTRAINT user_log_kind_check;
ALTER TABLE user_log ADD CONSTRAINT user_log_kind_check
    CHECK (kind IN ('created', 'read', 'unread', 'archived', 'withdrawn'));
ALTER TABLE user_log DROP COLUMN silent;
DROP INDEX notifications_held;
ALTER TABLE notifications DROP COLUMN held_until;
