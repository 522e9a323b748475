DROP INDEX suppressions_event;
