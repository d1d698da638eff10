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
    id, tenant, user_id, system, trigger, awarded, total, at, definitions, ledger_offset, index
)
SELECT id, tenant, user_id, system, trigger, awarded, total, at, definitions, ledger_offset, index
FROM json_to_recordset(%(rows)s::json) AS r (
    id text, tenant text, user_id text, system text, trigger text, awarded bigint, total bigint,
    at timestamptz, definitions integer, ledger_offset bigint, index integer
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
SELECT id, trigger, awarded, total, at, definitions FROM awards
WHERE tenant = %(tenant)s AND user_id = %(user)s AND system = %(system)s
ORDER BY ledger_offset DESC, index DESC
LIMIT %(limit)s;
