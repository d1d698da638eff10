-- What users want to be told of, and how. Their streak settings are judged on and follow from the
-- ledger (read.streak_preferences).

CREATE TABLE own.preferences (
    tenant        text NOT NULL,
    user_id       text NOT NULL,
    notifications jsonb NOT NULL,        -- kind -> channels; a kind that was never set is absent
    updated       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, user_id)
);
