DROP INDEX google_accounts_ended;
ALTER TABLE oauth_states DROP COLUMN link_id;
DROP TABLE connect_links;
