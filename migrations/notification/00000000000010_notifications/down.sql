DROP TABLE suppressions;
DROP TABLE preferences;
DROP TABLE user_log;
DROP TABLE notifications;
DROP TABLE users;
DROP TABLE accounts;
