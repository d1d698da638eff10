-- Events that count with another value than they came with.

-- apply --
-- None of them can be there already: see points.sql.
INSERT INTO corrections (
    id, tenant, user_id, event_id, before, after, reason, at, ledger_offset, index
)
SELECT id, tenant, user_id, event_id, before, after, reason, at, ledger_offset, index
FROM json_to_recordset(%(rows)s::json) AS r (
    id text, tenant text, user_id text, event_id text, before numeric, after numeric, reason text,
    at timestamptz, ledger_offset bigint, index integer
);

-- of_event --
SELECT id, user_id, before, after, reason, at FROM corrections
WHERE tenant = %(tenant)s AND event_id = %(event)s
ORDER BY ledger_offset, index;
