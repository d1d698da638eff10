-- Where the ledger has been read to.

-- add --
INSERT INTO positions (partition, next_offset)
SELECT partition, 0 FROM generate_series(0, %(partitions)s::integer - 1) AS partition
ON CONFLICT DO NOTHING;

-- all --
SELECT partition, next_offset, epoch, source_offset, lane FROM positions ORDER BY partition;

-- hold_schema --
-- Taken before any table is named: the swap of a rebuild holds the same lock exclusively, so that
-- the names of one transaction never mean tables of two schemas.
SELECT pg_advisory_xact_lock_shared(hashtextextended('xp.' || current_schema(), 0));

-- format --
SELECT value FROM format;

-- lock --
SELECT partition, next_offset, epoch, source_offset, lane
FROM positions
WHERE partition = ANY (%(partitions)s)
ORDER BY partition
FOR UPDATE;

-- move --
UPDATE positions AS p
SET next_offset = r.next_offset,
    epoch = r.epoch,
    source_offset = r.source_offset,
    lane = r.lane,
    appended = coalesce(r.appended, p.appended),
    updated = now()
FROM json_to_recordset(%(rows)s::json) AS r (
    partition integer, next_offset bigint, epoch integer, source_offset bigint, lane text,
    appended timestamptz
)
WHERE p.partition = r.partition;
