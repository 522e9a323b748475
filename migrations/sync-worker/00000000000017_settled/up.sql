-- Gmail's history names its newest id seconds before it shows the records up to there, and may show a later record before
-- an earlier one. So no single answer moves the place where looks start.
ALTER TABLE mailboxes
  -- Where looks start: every record up to here was seen. Null until the first boundary is read.
  ADD COLUMN settled bigint,
  -- The greatest id an answer told, and when it was told: once it is old enough, a complete look makes it `settled`.
  ADD COLUMN seen_head bigint,
  ADD COLUMN seen_head_at timestamptz,
  -- The id of the last push, beside `last_pushed_at`; 0 = none. A hint: it only says when to look again.
  ADD COLUMN pushed_id bigint NOT NULL DEFAULT 0,
  -- When history last showed an entry that was new.
  ADD COLUMN last_entry_at timestamptz,
  -- When newest mail and labels are compared with listings, after a boundary; null = no more.
  ADD COLUMN look_back_at timestamptz,
  -- When history first answered 404 for `settled`, and the id told then, where looks start until it is certain; null = it
  -- did not.
  ADD COLUMN gone_at timestamptz,
  ADD COLUMN gone_head bigint,
  -- Since when Gmail tells ids below `settled`, and the lowest of them; null = it does not.
  ADD COLUMN back_at timestamptz,
  ADD COLUMN back_head bigint,
  -- When a generation was last begun because ids had gone back. Since then rows take no version above the head that was
  -- known before they were fetched.
  ADD COLUMN renumbered_at timestamptz;
UPDATE mailboxes SET settled = cursor, seen_head = cursor, seen_head_at = clock_timestamp(),
  look_back_at = clock_timestamp() WHERE cursor IS NOT NULL;
COMMENT ON COLUMN mailboxes.cursor IS 'Greatest record applied, for display.';

ALTER TABLE emails
  -- The history id that the last fetch of it answered: records up to there are in its labels.
  ADD COLUMN fetched_id bigint NOT NULL DEFAULT 0;
UPDATE emails SET fetched_id = history_id WHERE NOT is_deleted;

-- An entry is known by what it says, not by its place: looks meet the same entries again, in other company.
DELETE FROM changes c USING changes d
  WHERE c.tenant = d.tenant AND c.connector_id = d.connector_id AND c.generation = d.generation
    AND c.history_id = d.history_id AND c.kind = d.kind AND c.message_id = d.message_id AND c.ordinal > d.ordinal;
ALTER TABLE changes DROP CONSTRAINT changes_pkey;
ALTER TABLE changes DROP COLUMN ordinal;
ALTER TABLE changes ADD PRIMARY KEY (tenant, connector_id, generation, history_id, kind, message_id);
ALTER TABLE changes DROP CONSTRAINT changes_kind_check;
ALTER TABLE changes ADD CONSTRAINT changes_kind_check
  CHECK (kind IN ('added', 'deleted', 'labels_added', 'labels_removed', 'named', 'unreadable'));

ALTER TABLE parked_changes DROP CONSTRAINT parked_changes_reason_check;
ALTER TABLE parked_changes ADD CONSTRAINT parked_changes_reason_check
  CHECK (reason IN ('not_visible', 'stale', 'poison'));
-- For the due look of a mailbox.
CREATE INDEX parked_changes_due ON parked_changes (tenant, connector_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;

-- When to look again is one schedule of the mailbox, not one of each push.
ALTER TABLE notification_queue DROP COLUMN looks, DROP COLUMN next_look_at;
