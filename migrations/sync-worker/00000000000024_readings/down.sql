ALTER TABLE attachments DROP COLUMN downloaded_at;
ALTER TABLE emails DROP COLUMN parser_version, DROP COLUMN protection, DROP COLUMN invitation;
