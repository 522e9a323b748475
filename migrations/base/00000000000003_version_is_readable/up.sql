-- A service tells whether its schema is as new as itself: it may read which migrations ran. The role's name follows from
-- the owner's, as in the base.
DO $$
BEGIN
    EXECUTE format('GRANT SELECT ON __diesel_schema_migrations TO %I', regexp_replace(current_user, '_owner$', '_system'));
END $$;
