-- Every change of level.

-- apply --
-- None of them can be there already: see points.sql.
INSERT INTO levels (
    id, tenant, user_id, system, before, after, total, at, ledger_offset, index
)
SELECT id, tenant, user_id, system, before, after, total, at, ledger_offset, index
FROM json_to_recordset(%(rows)s::json) AS r (
    id text, tenant text, user_id text, system text, before text, after text, total bigint,
    at timestamptz, ledger_offset bigint, index integer
);

-- changes --
SELECT id, before, after, total, at FROM levels
WHERE tenant = %(tenant)s AND user_id = %(user)s AND system = %(system)s
ORDER BY ledger_offset, index;
