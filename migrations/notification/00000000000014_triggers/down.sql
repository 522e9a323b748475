DROP TABLE trigger_fires;
DROP TABLE triggers;
