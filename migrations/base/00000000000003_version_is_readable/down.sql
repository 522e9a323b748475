DO $$
BEGIN
    EXECUTE format('REVOKE SELECT ON __diesel_schema_migrations FROM %I', regexp_replace(current_user, '_owner$', '_system'));
END $$;
