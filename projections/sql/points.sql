-- Balances of points, every award behind them, and what was added on each day.

-- apply --
INSERT INTO points (tenant, user_id, system, total, updated)
SELECT tenant, user_id, system, total, updated
FROM json_to_recordset(%(rows)s::json) AS r (
    tenant text, user_id text, system text, total bigint, updated timestamptz
)
ON CONFLICT (tenant, user_id, system) DO UPDATE
SET total = EXCLUDED.total, updated = EXCLUDED.updated;

-- apply_awards --
-- A ledger offset is stored once, that is what holding the position is for: nothing in here can be
-- there already, and not looking for it saves a third of the time.
INSERT INTO awards (
    id, tenant, user_id, system, trigger, awarded, total, at, definitions, ledger_offset, index,
    boosts, count, reason
)
SELECT id, tenant, user_id, system, trigger, awarded, total, at, definitions, ledger_offset, index,
    boosts, count, reason
FROM json_to_recordset(%(rows)s::json) AS r (
    id text, tenant text, user_id text, system text, trigger text, awarded bigint, total bigint,
    at timestamptz, definitions integer, ledger_offset bigint, index integer, boosts text[],
    count integer, reason text
);

-- apply_days --
INSERT INTO point_days AS d (tenant, user_id, system, day, change)
SELECT tenant, user_id, system, day, change
FROM json_to_recordset(%(rows)s::json) AS r (
    tenant text, user_id text, system text, day date, change bigint
)
ON CONFLICT (tenant, user_id, system, day) DO UPDATE SET change = d.change + EXCLUDED.change;

-- balance --
SELECT total FROM points
WHERE tenant = %(tenant)s AND user_id = %(user)s AND system = %(system)s;

-- newest --
SELECT id, trigger, awarded, total, at, definitions, boosts, count, reason FROM awards
WHERE tenant = %(tenant)s AND user_id = %(user)s AND system = %(system)s
ORDER BY ledger_offset DESC, index DESC
LIMIT %(limit)s;

-- days --
SELECT day, change FROM point_days
WHERE tenant = %(tenant)s AND user_id = %(user)s AND system = %(system)s
    AND day BETWEEN %(start)s AND %(end)s
ORDER BY day;

-- before --
SELECT coalesce(sum(change), 0)::bigint FROM point_days
WHERE tenant = %(tenant)s AND user_id = %(user)s AND system = %(system)s AND day < %(start)s;

-- spread --
-- A row for each range of balances that has users: its number, the users, and the width of ranges.
-- Range 0 is a balance of 0, which is never less; the width is a tenth of the power of ten that
-- the highest balance is rounded up to. The index on (tenant, system, total) holds all of it.
WITH highest AS (
    SELECT (10 ^ (length(greatest(max(total) - 1, 0)::text) - 1))::bigint AS width
    FROM points WHERE tenant = %(tenant)s AND system = %(system)s
), counted AS (
    SELECT CASE WHEN total <= 0 THEN 0 ELSE (total - 1) / width + 1 END AS place, count(*) AS users
    FROM points, highest
    WHERE tenant = %(tenant)s AND system = %(system)s
    GROUP BY place
), ranges AS (
    SELECT place, users FROM counted
    UNION ALL
    -- Who never had points.
    SELECT 0, (SELECT coalesce(sum(users), 0) FROM user_counts WHERE tenant = %(tenant)s)
        - (SELECT coalesce(sum(users), 0) FROM counted)
)
SELECT place::integer, sum(users)::bigint, width
FROM ranges, highest
GROUP BY place, width;

-- spread_matching --
-- The same for users who have certain attributes.
WITH balances AS (
    SELECT coalesce(p.total, 0) AS total
    FROM users AS u
    LEFT JOIN points AS p
        ON p.tenant = u.tenant AND p.user_id = u.user_id AND p.system = %(system)s
    WHERE u.tenant = %(tenant)s AND u.attributes @> %(attributes)s::jsonb
), highest AS (
    SELECT (10 ^ (length(greatest(max(total) - 1, 0)::text) - 1))::bigint AS width FROM balances
)
SELECT (CASE WHEN total <= 0 THEN 0 ELSE (total - 1) / width + 1 END)::integer AS place,
    count(*), width
FROM balances, highest
GROUP BY place, width;

-- levels --
-- A row for each threshold that is somebody's highest reached: its number from 1, and the users.
SELECT width_bucket(total, %(thresholds)s::bigint[]) AS place, count(*)
FROM points
WHERE tenant = %(tenant)s AND system = %(system)s
    AND total >= (%(thresholds)s::bigint[])[1]
GROUP BY place;

-- tops --
SELECT p.user_id AS user, p.total AS points, coalesce(s.longest, 0) AS longest,
    coalesce(
        (SELECT jsonb_object_agg(t.metric, t.total::text) FROM totals AS t
         WHERE t.tenant = p.tenant AND t.user_id = p.user_id),
        '{}'
    ) AS totals
FROM points AS p
LEFT JOIN streaks AS s
    ON s.tenant = p.tenant AND s.user_id = p.user_id AND s.frequency = %(frequency)s
WHERE p.tenant = %(tenant)s AND p.system = %(system)s
ORDER BY p.total DESC, p.user_id
LIMIT %(limit)s;
