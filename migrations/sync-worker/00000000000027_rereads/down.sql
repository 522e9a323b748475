DROP INDEX mailboxes_reread;
ALTER TABLE mailboxes
  DROP COLUMN reread_to, DROP COLUMN reread_before, DROP COLUMN reread_all, DROP COLUMN reread_done, DROP COLUMN reread_total;
