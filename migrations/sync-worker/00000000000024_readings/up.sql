-- What a parser made of a source, beside the columns that every mail has.
ALTER TABLE emails
  -- The version of the parser that read it; 0 = one from before versions were kept.
  ADD COLUMN parser_version smallint NOT NULL DEFAULT 0,
  -- How the mail is signed or encrypted; null = it is not.
  ADD COLUMN protection text CHECK (protection IN ('smime_signed', 'smime_encrypted', 'pgp_signed', 'pgp_encrypted')),
  -- The gist of its first calendar part, with the part's place; null = it has none.
  ADD COLUMN invitation jsonb;
ALTER TABLE attachments
  -- When somebody first took all of it; null = nobody has.
  ADD COLUMN downloaded_at timestamptz;
COMMENT ON COLUMN attachments.part_id IS
  'Dotted path in the MIME tree, as the parser of emails.parser_version numbers it: where the source is cut.';
