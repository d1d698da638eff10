-- Versions of definitions, and which of them is in force.

-- add --
INSERT INTO definitions (tenant, version, at, body)
SELECT tenant, version, at, body
FROM json_to_recordset(%(rows)s::json) AS r (
    tenant text, version integer, at timestamptz, body jsonb
)
ON CONFLICT DO NOTHING;

-- apply --
INSERT INTO in_force (tenant, partition, version)
SELECT tenant, partition, version
FROM json_to_recordset(%(rows)s::json) AS r (tenant text, partition integer, version integer)
ON CONFLICT (tenant, partition) DO UPDATE SET version = EXCLUDED.version;

-- in_force --
-- A marker reaches the partitions one after the other: the newest that any of them has is where
-- the game is going.
SELECT max(version) FROM in_force WHERE tenant = %(tenant)s;

-- version --
SELECT body::text FROM definitions WHERE tenant = %(tenant)s AND version = %(version)s;
