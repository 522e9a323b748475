-- An erased connector keeps its row, so that a late event revives nothing, and nothing that says whose mailbox it was. It
-- is never re-used: the same account connected again is another connector.
ALTER TABLE connectors NO FORCE ROW LEVEL SECURITY;
UPDATE connectors SET google_sub = 'erased:' || id, display_name = 'Erased account', email_address = '', address_key = ''
    WHERE erase_run_id IS NOT NULL;
ALTER TABLE connectors FORCE ROW LEVEL SECURITY;
ALTER TABLE connectors ADD CONSTRAINT connectors_erased_whole
    CHECK (erase_run_id IS NULL OR (status = 'disconnected' AND google_sub LIKE 'erased:%' AND email_address = '' AND address_key = ''));
-- The account behind it is forgotten once no connector but erased ones has it.
GRANT SELECT (erase_run_id) ON connectors TO connector_system;
CREATE INDEX connectors_erased ON connectors (account_id) WHERE erase_run_id IS NOT NULL;
