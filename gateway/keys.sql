-- API keys. They are not derived from the ledger: the names are qualified.

-- find --
SELECT prefix, hash, tenant, scope, user_id
FROM own.api_keys
WHERE hash = %(hash)s AND revoked IS NULL;

-- known --
SELECT 1 FROM own.api_keys WHERE hash = %(hash)s;

-- add --
INSERT INTO own.api_keys (prefix, hash, name, tenant, scope, user_id)
VALUES (%(prefix)s, %(hash)s, %(name)s, %(tenant)s, %(scope)s, %(user_id)s)
ON CONFLICT DO NOTHING
RETURNING prefix;

-- all --
SELECT prefix, name, tenant, scope, user_id AS "user", created, last_used, revoked
FROM own.api_keys
ORDER BY created, prefix;

-- revoke --
UPDATE own.api_keys SET revoked = coalesce(revoked, now())
WHERE prefix = %(prefix)s
RETURNING prefix;

-- used --
UPDATE own.api_keys SET last_used = now() WHERE prefix = %(prefix)s;

-- share --
SELECT pg_advisory_lock_shared(%(lock)s);

-- unshare --
SELECT pg_advisory_unlock_shared(%(lock)s);

-- exclude --
SELECT pg_advisory_lock(%(lock)s);

-- include --
SELECT pg_advisory_unlock(%(lock)s);

-- tell --
SELECT pg_notify(%(channel)s, '');
