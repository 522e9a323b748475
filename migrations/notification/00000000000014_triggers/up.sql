-- What new mail sets off, and what it has set off: once for each trigger and mail.
CREATE TABLE triggers (
    tenant     text        NOT NULL,
    id         uuid        NOT NULL,
    user_id    text        NOT NULL,
    account_id uuid        NOT NULL,
    name       text        NOT NULL,
    enabled    boolean     NOT NULL DEFAULT true,
    type       text        NOT NULL CHECK (type = 'email'),
    -- What a mail must be; rules/trigger.rs reads it.
    config     jsonb       NOT NULL,
    -- Whether a notification is written too.
    in_app     boolean     NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX triggers_user ON triggers (tenant, user_id, id);
CREATE INDEX triggers_account ON triggers (tenant, account_id) WHERE enabled;

CREATE TABLE trigger_fires (
    tenant     text        NOT NULL,
    id         uuid        NOT NULL,
    trigger_id uuid        NOT NULL,
    account_id uuid        NOT NULL,
    message_id text        NOT NULL,
    email_id   text        NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, id),
    CONSTRAINT trigger_fires_once UNIQUE (tenant, trigger_id, message_id),
    FOREIGN KEY (tenant, trigger_id) REFERENCES triggers (tenant, id) ON DELETE CASCADE
);
CREATE INDEX trigger_fires_list ON trigger_fires (tenant, trigger_id, id DESC);
CREATE INDEX trigger_fires_age ON trigger_fires (tenant, created_at);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['triggers', 'trigger_fires'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO notification_tenant
                        USING (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))
                        WITH CHECK (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))', t);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON triggers TO notification_tenant;
GRANT SELECT, INSERT, DELETE ON trigger_fires TO notification_tenant;
