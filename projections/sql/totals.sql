-- Totals of metrics, and what was added to them on each day.

-- apply --
INSERT INTO totals (tenant, user_id, metric, total, updated)
SELECT tenant, user_id, metric, total, updated
FROM json_to_recordset(%(rows)s::json) AS r (
    tenant text, user_id text, metric text, total numeric, updated timestamptz
)
ON CONFLICT (tenant, user_id, metric) DO UPDATE
SET total = EXCLUDED.total, updated = EXCLUDED.updated;

-- apply_days --
INSERT INTO total_days AS d (tenant, user_id, metric, day, change, events)
SELECT tenant, user_id, metric, day, change, events
FROM json_to_recordset(%(rows)s::json) AS r (
    tenant text, user_id text, metric text, day date, change numeric, events integer
)
ON CONFLICT (tenant, user_id, metric, day) DO UPDATE
SET change = d.change + EXCLUDED.change, events = d.events + EXCLUDED.events;

-- of_user --
SELECT metric, total FROM totals WHERE tenant = %(tenant)s AND user_id = %(user)s ORDER BY metric;

-- one --
SELECT total FROM totals
WHERE tenant = %(tenant)s AND user_id = %(user)s AND metric = %(metric)s;

-- days --
SELECT day, change FROM total_days
WHERE tenant = %(tenant)s AND user_id = %(user)s AND metric = %(metric)s
    AND day BETWEEN %(start)s AND %(end)s
ORDER BY day;

-- before --
SELECT coalesce(sum(change), 0) FROM total_days
WHERE tenant = %(tenant)s AND user_id = %(user)s AND metric = %(metric)s AND day < %(start)s;
