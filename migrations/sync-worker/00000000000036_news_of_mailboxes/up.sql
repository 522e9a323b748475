-- What is told of mail that no record of history added: of what a gap held, and of what came since the mailbox was first listed.
ALTER TABLE mailboxes
  -- When the first listing began; null where it was before this column.
  ADD COLUMN first_listed_at timestamptz,
  -- The gap that a repair closes began then; null where none is at work.
  ADD COLUMN news_since timestamptz;
