ALTER TABLE mailboxes DROP COLUMN read_version, DROP COLUMN reread_after;
DROP INDEX emails_attached, emails_processed, emails_unread, emails_sender;
ALTER TABLE emails DROP COLUMN sender_key;
DROP FUNCTION mail_holds(uuid, text);
DROP FUNCTION search_mails(uuid[], text[], boolean, timestamptz, timestamptz, timestamptz, uuid, bigint);
DROP TABLE email_search;
