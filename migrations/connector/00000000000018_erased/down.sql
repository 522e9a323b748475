DROP INDEX connectors_erased;
REVOKE SELECT (erase_run_id) ON connectors FROM connector_system;
ALTER TABLE connectors DROP CONSTRAINT connectors_erased_whole;
