ALTER TABLE credentials DROP COLUMN access_issued_at;
