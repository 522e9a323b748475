-- What users are told: accounts (projection of the connector service), users with their dense sequence, notifications,
-- the per-user log sockets replay from, preferences, and what was decided against.
-- notification_system reads `users` only (which tenants are there to prune); no notification, log row or preference.

-- Accounts as the connector service last described them. The row stays after the end, so that a late event revives
-- nothing; version 0 is a row made by a mail that came before the first connector event.
CREATE TABLE accounts (
    tenant              text        NOT NULL,
    account_id          uuid        NOT NULL,
    user_id             text        NOT NULL,
    email_address       text        NOT NULL DEFAULT '',
    display_name        text        NOT NULL DEFAULT '',
    status              text        NOT NULL DEFAULT 'active'
                        CHECK (status IN ('active', 'reauth_required', 'paused', 'disconnected')),
    -- Mirror and notifications of the account are to go (set together with `disconnected`).
    erase               boolean     NOT NULL DEFAULT false,
    -- What notifies at all: `include` only these labels, `exclude` all but these, '' no filter.
    label_filter_action text        NOT NULL DEFAULT '' CHECK (label_filter_action IN ('', 'include', 'exclude')),
    label_ids           text[]      NOT NULL DEFAULT '{}',
    include_spam_trash  boolean     NOT NULL DEFAULT false,
    version             bigint      NOT NULL DEFAULT 0 CHECK (version >= 0),
    -- Time of the connector event that `version` came with.
    version_at          timestamptz NOT NULL,
    -- When the first complete sync was reported; null = not yet.
    first_sync_at       timestamptz,
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL,
    PRIMARY KEY (tenant, account_id)
);
CREATE INDEX accounts_user ON accounts (tenant, user_id, account_id);

-- One row for each user: the lock under which everything a client must see gets its number.
CREATE TABLE users (
    tenant                  text        NOT NULL,
    user_id                 text        NOT NULL,
    -- Names this sequence: event ids carry it, so that a restored or recreated row is noticed. Also the id of the
    -- event stream for notifications that belong to no account.
    epoch                   uuid        NOT NULL,
    -- Last number given out; dense from 1.
    nseq                    bigint      NOT NULL DEFAULT 0 CHECK (nseq >= 0),
    -- Log rows up to here were pruned: a replay from below answers resync_required.
    log_floor               bigint      NOT NULL DEFAULT 0 CHECK (log_floor >= 0),
    -- Unread and not archived; absolute, so that clients never add up.
    unread                  bigint      NOT NULL DEFAULT 0 CHECK (unread >= 0),
    -- Up to where a socket of this user certainly received each room.
    watermark_notifications bigint      NOT NULL DEFAULT 0,
    watermark_sync          bigint      NOT NULL DEFAULT 0,
    created_at              timestamptz NOT NULL,
    updated_at              timestamptz NOT NULL,
    PRIMARY KEY (tenant, user_id)
);

CREATE TABLE notifications (
    tenant       text        NOT NULL,
    id           uuid        NOT NULL,
    user_id      text        NOT NULL,
    -- Null for notifications a user made without naming an account.
    account_id   uuid,
    type         text        NOT NULL CHECK (type IN ('new_message', 'sync_complete', 'sync_failed', 'error_occurred',
                                                      'message_sent', 'attachment_downloaded', 'quota_warning',
                                                      'custom')),
    -- What makes it the same notification when the event comes twice, e.g. account and Gmail's message id.
    business_key text        NOT NULL,
    title        text        NOT NULL,
    message      text        NOT NULL,
    sender_email text,
    sender_name  text,
    folder       text,
    data         jsonb       NOT NULL DEFAULT '{}',
    email_id     uuid,
    message_id   text,
    is_read      boolean     NOT NULL DEFAULT false,
    read_at      timestamptz,
    is_archived  boolean     NOT NULL DEFAULT false,
    archived_at  timestamptz,
    -- Number of its creation (the list's order) and of its latest change.
    created_nseq bigint      NOT NULL,
    nseq         bigint      NOT NULL,
    expires_at   timestamptz NOT NULL,
    -- Each decision with its reason, as /explain shows it.
    decision     jsonb       NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, id),
    CONSTRAINT notifications_once UNIQUE (tenant, user_id, type, business_key)
);
CREATE INDEX notifications_list ON notifications (tenant, user_id, created_nseq DESC) WHERE NOT is_archived;
CREATE INDEX notifications_archived ON notifications (tenant, user_id, created_nseq DESC) WHERE is_archived;
CREATE INDEX notifications_unread ON notifications (tenant, user_id, created_nseq DESC)
    WHERE NOT is_read AND NOT is_archived;
CREATE INDEX notifications_mail ON notifications (tenant, account_id, message_id) WHERE message_id IS NOT NULL;

-- Everything a client must see, in its order, as it was emitted: replay and gap filling give the same events again.
CREATE TABLE user_log (
    tenant          text        NOT NULL,
    user_id         text        NOT NULL,
    nseq            bigint      NOT NULL,
    kind            text        NOT NULL CHECK (kind IN ('created', 'read', 'unread', 'archived', 'withdrawn')),
    -- Which room it goes to.
    room            text        NOT NULL CHECK (room IN ('notifications', 'sync')),
    -- Socket.IO event name and its members (without eventId and nseq).
    event           text        NOT NULL,
    payload         jsonb       NOT NULL,
    notification_id uuid        NOT NULL,
    account_id      uuid,
    -- Unread count after this change.
    unread          bigint      NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (tenant, user_id, nseq)
);
CREATE INDEX user_log_age ON user_log (tenant, created_at);

-- Only what a user has set; everything else has the defaults of rules/preferences.rs. scope '' = the user's own
-- defaults, otherwise an account id.
CREATE TABLE preferences (
    tenant     text        NOT NULL,
    user_id    text        NOT NULL,
    scope      text        NOT NULL DEFAULT '',
    id         uuid        NOT NULL,
    settings   jsonb       NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, user_id, scope)
);

-- Events that could have notified and did not, with the reason: "why was I not told?" has an answer.
CREATE TABLE suppressions (
    tenant       text        NOT NULL,
    user_id      text        NOT NULL,
    type         text        NOT NULL,
    business_key text        NOT NULL,
    account_id   uuid,
    event_id     uuid        NOT NULL,
    decision     jsonb       NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant, user_id, type, business_key)
);
CREATE INDEX suppressions_age ON suppressions (tenant, created_at);

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['accounts', 'users', 'notifications', 'user_log', 'preferences', 'suppressions'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I TO notification_tenant
                        USING (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))
                        WITH CHECK (tenant = nullif(current_setting(''postrider.tenant'', true), ''''))', t);
    END LOOP;
END $$;
CREATE POLICY system ON users FOR SELECT TO notification_system USING (true);

GRANT SELECT, INSERT, UPDATE ON accounts, users, notifications, preferences TO notification_tenant;
GRANT SELECT, INSERT, DELETE ON user_log, suppressions TO notification_tenant;
GRANT SELECT ON users TO notification_system;
