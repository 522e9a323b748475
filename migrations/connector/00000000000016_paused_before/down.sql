ALTER TABLE connectors DROP COLUMN was_paused;
