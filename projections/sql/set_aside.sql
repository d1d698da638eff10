-- Records of the ledger whose effects the tables cannot hold.

-- add --
INSERT INTO set_aside (partition, ledger_offset, event_id, tenant, user_id, reason, record)
VALUES (
    %(partition)s, %(ledger_offset)s, %(event_id)s, %(tenant)s, %(user_id)s, %(reason)s, %(record)s
);

-- count --
SELECT count(*) FROM set_aside;

-- first --
SELECT partition, ledger_offset, event_id, tenant, user_id, reason, record, set_aside_at
FROM set_aside
ORDER BY set_aside_at, partition, ledger_offset
LIMIT %(limit)s;
