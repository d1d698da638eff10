-- The schema of the read models: all of it follows from the ledger and can be rebuilt from record
-- zero. Unqualified names: it is created as `read`, and as a shadow beside it while rebuilding.

-- One row: which version of these tables this is (projections.migrations.read_format).
CREATE TABLE format (
    value   text NOT NULL,
    created timestamptz NOT NULL DEFAULT now()
);

-- Where the ledger has been read to, one row per partition, written with the rows it led to. A
-- rebuild compares these columns across formats: add to them, change none.
CREATE TABLE positions (
    partition     integer PRIMARY KEY,
    next_offset   bigint NOT NULL,
    -- The last record applied (the chain rule's link), null before the first.
    epoch         integer,
    source_offset bigint,
    lane          text,
    appended      timestamptz,           -- append time of the last record applied
    updated       timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE definitions (
    tenant  text NOT NULL,
    version integer NOT NULL,
    at      timestamptz NOT NULL,
    body    jsonb NOT NULL,              -- schemas.versions.Version
    PRIMARY KEY (tenant, version)
);

-- The version by which each partition judges a tenant's events.
CREATE TABLE in_force (
    tenant    text NOT NULL,
    partition integer NOT NULL,
    version   integer NOT NULL,
    PRIMARY KEY (tenant, partition)
);

CREATE TABLE users (
    tenant     text NOT NULL,
    user_id    text NOT NULL,
    tz         text,
    attributes jsonb NOT NULL DEFAULT '{}',
    created    timestamptz NOT NULL,     -- event time of the first applied event
    updated    timestamptz NOT NULL,     -- event time of the last change of tz or attributes
    last_seen  timestamptz NOT NULL,     -- latest event time
    PRIMARY KEY (tenant, user_id)
) WITH (fillfactor = 85);                -- room for the update that every event makes

-- How many users a tenant has, counted per partition so that two projectors never wait for a row.
CREATE TABLE user_counts (
    tenant    text NOT NULL,
    partition integer NOT NULL,
    users     bigint NOT NULL,
    PRIMARY KEY (tenant, partition)
) WITH (fillfactor = 50);

CREATE TABLE totals (
    tenant  text NOT NULL,
    user_id text NOT NULL,
    metric  text NOT NULL,
    total   numeric NOT NULL,
    updated timestamptz NOT NULL,        -- event time of the last event
    PRIMARY KEY (tenant, user_id, metric)
) WITH (fillfactor = 85);

CREATE TABLE total_days (
    tenant  text NOT NULL,
    user_id text NOT NULL,
    metric  text NOT NULL,
    day     date NOT NULL,               -- the user's local date of the events
    change  numeric NOT NULL,            -- sum of the day's values
    events  integer NOT NULL,
    PRIMARY KEY (tenant, user_id, metric, day)
);

CREATE TABLE streaks (
    tenant    text NOT NULL,
    user_id   text NOT NULL,
    frequency text NOT NULL,
    length    integer NOT NULL,
    longest   integer NOT NULL,
    started   date,                      -- null when lost
    period    date NOT NULL,             -- first date of the last period that satisfied the streak
    through   date,                      -- first date of the last period up to which it is kept
    extended  timestamptz,               -- when it last started or was extended
    PRIMARY KEY (tenant, user_id, frequency)
) WITH (fillfactor = 85);

-- Every period that was satisfied, or in which a freeze or a pause kept the streak.
CREATE TABLE streak_periods (
    tenant      text NOT NULL,
    user_id     text NOT NULL,
    frequency   text NOT NULL,
    period      date NOT NULL,
    length      integer NOT NULL,
    used_freeze boolean NOT NULL DEFAULT false,
    used_pause  boolean NOT NULL DEFAULT false,
    PRIMARY KEY (tenant, user_id, frequency, period)
);

-- How many freezes a user has.
CREATE TABLE freezes (
    tenant  text NOT NULL,
    user_id text NOT NULL,
    freezes integer NOT NULL,
    PRIMARY KEY (tenant, user_id)
);

-- Local dates, both included, in which a user's streaks are kept without activity.
CREATE TABLE pauses (
    tenant     text NOT NULL,
    user_id    text NOT NULL,
    id         text NOT NULL,
    first_date date NOT NULL,
    last_date  date NOT NULL,
    PRIMARY KEY (tenant, user_id, id)
);
CREATE INDEX pauses_by_id ON pauses (tenant, id);

-- What users set of their streak; who set nothing has no row.
CREATE TABLE streak_preferences (
    tenant  text NOT NULL,
    user_id text NOT NULL,
    streak  jsonb NOT NULL,              -- schemas.entries.StreakPreferences
    PRIMARY KEY (tenant, user_id)
);

CREATE TABLE achievements (
    tenant      text NOT NULL,
    user_id     text NOT NULL,
    achievement text NOT NULL,
    achieved_at timestamptz NOT NULL,
    event_id    text NOT NULL,
    PRIMARY KEY (tenant, user_id, achievement)
);

-- How many users completed it, counted per partition as above.
CREATE TABLE achievement_counts (
    tenant      text NOT NULL,
    achievement text NOT NULL,
    partition   integer NOT NULL,
    completions bigint NOT NULL,
    PRIMARY KEY (tenant, achievement, partition)
) WITH (fillfactor = 50);

CREATE TABLE points (
    tenant  text NOT NULL,
    user_id text NOT NULL,
    system  text NOT NULL,
    total   bigint NOT NULL,
    updated timestamptz NOT NULL,
    PRIMARY KEY (tenant, user_id, system)
);
CREATE INDEX points_by_total ON points (tenant, system, total);

-- Every award and deduction, and the balance after it.
CREATE TABLE awards (
    id            text NOT NULL,         -- event id and the index of the effect
    tenant        text NOT NULL,
    user_id       text NOT NULL,
    system        text NOT NULL,
    trigger       text,                  -- null for what an operator granted or deducted
    awarded       bigint NOT NULL,
    total         bigint NOT NULL,
    at            timestamptz NOT NULL,
    definitions   integer NOT NULL,
    ledger_offset bigint NOT NULL,       -- a user's awards are all in one partition: this is their order
    index         integer NOT NULL,
    boosts        text[],                -- keys of the boosts that multiplied it
    count         integer,               -- of a time trigger: how many times it was due
    reason        text,                  -- of a grant, a deduction or a correction
    PRIMARY KEY (tenant, user_id, system, ledger_offset, index)
);

CREATE TABLE point_days (
    tenant  text NOT NULL,
    user_id text NOT NULL,
    system  text NOT NULL,
    day     date NOT NULL,               -- projections.points.day_of
    change  bigint NOT NULL,
    PRIMARY KEY (tenant, user_id, system, day)
);

-- Every change of level. The level held now follows from the balance and the definitions in force.
CREATE TABLE levels (
    id            text NOT NULL,
    tenant        text NOT NULL,
    user_id       text NOT NULL,
    system        text NOT NULL,
    before        text,
    after         text,
    total         bigint NOT NULL,
    at            timestamptz NOT NULL,
    ledger_offset bigint NOT NULL,
    index         integer NOT NULL,
    PRIMARY KEY (tenant, user_id, system, ledger_offset, index)
);

-- Every event that counts with another value than it came with; the newest row has the value.
CREATE TABLE corrections (
    id            text NOT NULL,         -- event id of the correction and the index of the effect
    tenant        text NOT NULL,
    user_id       text NOT NULL,
    event_id      text NOT NULL,         -- the event that is corrected
    before        numeric NOT NULL,
    after         numeric NOT NULL,
    reason        text,
    at            timestamptz NOT NULL,
    ledger_offset bigint NOT NULL,
    index         integer NOT NULL,
    PRIMARY KEY (tenant, event_id, ledger_offset, index)
);

-- Records whose effects the tables above cannot hold (projections/set_aside.py): none should come.
CREATE TABLE set_aside (
    partition     integer NOT NULL,
    ledger_offset bigint NOT NULL,
    event_id      text NOT NULL,
    tenant        text NOT NULL,
    user_id       text,                  -- null for what is of a whole partition
    reason        text NOT NULL,         -- SQLSTATE and words of Postgres
    record        text NOT NULL,         -- as JSON
    set_aside_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (partition, ledger_offset)
);
