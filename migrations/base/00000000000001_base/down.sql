DROP FUNCTION drop_partitions(integer, integer);
DROP FUNCTION ensure_partitions(integer);
DROP TABLE leases;
DROP TABLE stream_heads;
DROP TABLE inbox;
DROP TABLE streams;
DROP TABLE outbox;
