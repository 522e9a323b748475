-- A write that was answered 5xx may have had its effect: the same request goes on at once and names the same write again,
-- another request under the key is a write of its own.
ALTER TABLE idempotency_keys ADD COLUMN failed boolean NOT NULL DEFAULT false;
