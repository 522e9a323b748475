ALTER TABLE watches DROP COLUMN silent;
