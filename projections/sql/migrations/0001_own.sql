-- The schema `own`: what is not derived from the ledger. No rebuild touches it; back it up.

CREATE SCHEMA own;

-- What has been applied, by projections.migrations.
CREATE TABLE own.migrations (
    name     text PRIMARY KEY,
    checksum text NOT NULL,
    applied  timestamptz NOT NULL DEFAULT now()
);

-- Personal fields of users, from xp.profiles and from the gateway.
CREATE TABLE own.profiles (
    tenant              text NOT NULL,
    user_id             text NOT NULL,
    name                text,
    email               text,
    device_tokens       jsonb,
    subscribe_to_emails boolean,
    updated             timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, user_id)
);

CREATE TABLE own.profile_positions (
    partition   integer PRIMARY KEY,
    next_offset bigint NOT NULL
);

CREATE TABLE own.api_keys (
    prefix    text PRIMARY KEY,          -- the part before the dot; shown in lists
    hash      bytea NOT NULL,            -- of the whole key; the key itself is kept nowhere
    name      text NOT NULL,
    tenant    text NOT NULL DEFAULT 'default',
    created   timestamptz NOT NULL DEFAULT now(),
    last_used timestamptz,
    revoked   timestamptz
);

CREATE TABLE own.webhooks (
    id      uuid PRIMARY KEY,
    tenant  text NOT NULL DEFAULT 'default',
    url     text NOT NULL,
    secret  text NOT NULL,
    types   text[] NOT NULL,
    created timestamptz NOT NULL DEFAULT now(),
    removed timestamptz
);

-- The outbox: one row per effect and webhook, delivered at least once, never under another id.
CREATE TABLE own.deliveries (
    id           text NOT NULL,          -- event id and the index of the effect
    webhook_id   uuid NOT NULL REFERENCES own.webhooks (id),
    type         text NOT NULL,
    user_id      text NOT NULL,
    body         bytea NOT NULL,         -- the very bytes that are signed and sent
    state        text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts     integer NOT NULL DEFAULT 0,
    next_attempt timestamptz NOT NULL DEFAULT now(),
    last_error   text,
    created      timestamptz NOT NULL DEFAULT now(),
    finished     timestamptz,
    -- The order in which they were enqueued: the ledger's, for one user.
    sequence     bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (webhook_id, id)
);
CREATE INDEX deliveries_due ON own.deliveries (webhook_id, next_attempt, sequence)
    WHERE state = 'pending';
CREATE INDEX deliveries_failed ON own.deliveries (webhook_id) WHERE state = 'failed';
CREATE INDEX deliveries_finished ON own.deliveries (finished) WHERE finished IS NOT NULL;

CREATE TABLE own.notifier_positions (
    partition     integer PRIMARY KEY,
    next_offset   bigint NOT NULL,
    epoch         integer,
    source_offset bigint,
    lane          text,
    -- The ledger's end when this notifier began: of what lies before it, nobody is told.
    quiet_until   bigint NOT NULL DEFAULT 0
);
