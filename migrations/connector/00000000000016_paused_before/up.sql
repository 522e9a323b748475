-- A pause outlives a dead grant: the consent that renews the grant does not resume what its owner paused.
ALTER TABLE connectors ADD COLUMN was_paused boolean NOT NULL DEFAULT false;
