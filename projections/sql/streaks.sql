-- Streaks of the three frequencies, and what happened in every period of them.

-- apply --
INSERT INTO streaks (
    tenant, user_id, frequency, length, longest, started, period, through, extended
)
SELECT tenant, user_id, frequency, r.length, greatest(r.longest, known.longest), r.started,
    -- A loss or a carry-over satisfies no period: what is known of the last one that did stays.
    coalesce(r.satisfied, known.period, r.period), r.through,
    coalesce(r.extended, known.extended)
FROM json_to_recordset(%(rows)s::json) AS r (
    tenant text, user_id text, frequency text, length integer, longest integer, started date,
    satisfied date, period date, through date, extended timestamptz
)
LEFT JOIN streaks AS known USING (tenant, user_id, frequency)
ON CONFLICT (tenant, user_id, frequency) DO UPDATE
SET length = EXCLUDED.length,
    longest = EXCLUDED.longest,
    started = EXCLUDED.started,
    period = EXCLUDED.period,
    through = EXCLUDED.through,
    extended = EXCLUDED.extended;

-- apply_periods --
INSERT INTO streak_periods AS p (
    tenant, user_id, frequency, period, length, used_freeze, used_pause
)
SELECT tenant, user_id, frequency, period, length, used_freeze, used_pause
FROM json_to_recordset(%(rows)s::json) AS r (
    tenant text, user_id text, frequency text, period date, length integer, used_freeze boolean,
    used_pause boolean
)
ON CONFLICT (tenant, user_id, frequency, period) DO UPDATE
SET length = EXCLUDED.length,
    used_freeze = p.used_freeze OR EXCLUDED.used_freeze,
    used_pause = p.used_pause OR EXCLUDED.used_pause;

-- one --
SELECT length, longest, started, period, through, extended FROM streaks
WHERE tenant = %(tenant)s AND user_id = %(user)s AND frequency = %(frequency)s;

-- periods --
SELECT period, length, used_freeze, used_pause FROM streak_periods
WHERE tenant = %(tenant)s AND user_id = %(user)s AND frequency = %(frequency)s
    AND period >= %(since)s
ORDER BY period;

-- current --
-- A row for each id that is asked for, in that order, also for who is unknown.
SELECT wanted.user_id, u.tz, s.length, s.started, s.through, s.extended, f.freezes,
    p.streak AS preferences,
    (
        SELECT json_agg(
            json_build_object('id', z.id, 'start', z.first_date, 'end', z.last_date)
            ORDER BY z.first_date, z.last_date, z.id
        )
        FROM pauses AS z WHERE z.tenant = %(tenant)s AND z.user_id = wanted.user_id
    ) AS pauses
FROM unnest(%(users)s::text[]) WITH ORDINALITY AS wanted (user_id, place)
LEFT JOIN users AS u ON u.tenant = %(tenant)s AND u.user_id = wanted.user_id
LEFT JOIN streaks AS s
    ON s.tenant = %(tenant)s AND s.user_id = wanted.user_id AND s.frequency = %(frequency)s
LEFT JOIN freezes AS f ON f.tenant = %(tenant)s AND f.user_id = wanted.user_id
LEFT JOIN streak_preferences AS p ON p.tenant = %(tenant)s AND p.user_id = wanted.user_id
ORDER BY wanted.place;
