-- When Google gave the access token: how early it counts as spent depends on how long it lives. Null: not known.
ALTER TABLE credentials ADD COLUMN access_issued_at timestamptz;
