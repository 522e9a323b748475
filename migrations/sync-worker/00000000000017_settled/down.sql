ALTER TABLE notification_queue ADD COLUMN looks smallint NOT NULL DEFAULT 0, ADD COLUMN next_look_at timestamptz;

DROP INDEX parked_changes_due;
UPDATE parked_changes SET reason = 'not_visible' WHERE reason = 'stale';
ALTER TABLE parked_changes DROP CONSTRAINT parked_changes_reason_check;
ALTER TABLE parked_changes ADD CONSTRAINT parked_changes_reason_check CHECK (reason IN ('not_visible', 'poison'));

DELETE FROM changes WHERE kind IN ('named', 'unreadable');
ALTER TABLE changes DROP CONSTRAINT changes_kind_check;
ALTER TABLE changes ADD CONSTRAINT changes_kind_check
  CHECK (kind IN ('added', 'deleted', 'labels_added', 'labels_removed'));
ALTER TABLE changes DROP CONSTRAINT changes_pkey;
ALTER TABLE changes ADD COLUMN ordinal integer;
UPDATE changes c SET ordinal = n.ordinal FROM (
  SELECT ctid AS place, row_number() OVER (PARTITION BY tenant, connector_id, generation, history_id) - 1 AS ordinal
  FROM changes) n WHERE c.ctid = n.place;
ALTER TABLE changes ALTER COLUMN ordinal SET NOT NULL;
ALTER TABLE changes ADD PRIMARY KEY (tenant, connector_id, generation, history_id, ordinal);

ALTER TABLE emails DROP COLUMN fetched_id;

COMMENT ON COLUMN mailboxes.cursor IS NULL;
UPDATE mailboxes SET cursor = settled WHERE settled IS NOT NULL;
ALTER TABLE mailboxes DROP COLUMN settled, DROP COLUMN seen_head, DROP COLUMN seen_head_at, DROP COLUMN pushed_id,
  DROP COLUMN last_entry_at, DROP COLUMN look_back_at, DROP COLUMN gone_at, DROP COLUMN gone_head, DROP COLUMN back_at, DROP COLUMN back_head,
  DROP COLUMN renumbered_at;
