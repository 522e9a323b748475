DROP TABLE ledger;
DROP TABLE parked_changes;
DROP TABLE notification_queue;
DROP TABLE changes;
