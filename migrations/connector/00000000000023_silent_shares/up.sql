-- Whether a connector was told that pushes do not come though Google watches.
ALTER TABLE watches ADD COLUMN silent boolean NOT NULL DEFAULT false;
