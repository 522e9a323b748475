-- Reading stored sources again goes newest mail first, along the index of lists.
ALTER TABLE mailboxes
  -- What its mails are to be at; ahead of `read_version` there is something to do.
  ADD COLUMN reread_to integer NOT NULL DEFAULT 0,
  -- Together with `reread_after`: the place of the last mail that was looked at; null = none was.
  ADD COLUMN reread_before timestamptz,
  -- An operator asked for every mail, not only for those that an older parser read.
  ADD COLUMN reread_all boolean NOT NULL DEFAULT false,
  -- How far it is: mails looked at, of how many when it began.
  ADD COLUMN reread_done bigint NOT NULL DEFAULT 0,
  ADD COLUMN reread_total bigint NOT NULL DEFAULT 0;
UPDATE mailboxes SET reread_after = NULL WHERE reread_after IS NOT NULL;
-- What the job looks for, across tenants.
CREATE INDEX mailboxes_reread ON mailboxes (reread_done) WHERE read_version < reread_to AND NOT erase;
