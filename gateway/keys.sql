-- API keys. They are not derived from the ledger: the names are qualified.

-- find --
SELECT prefix, hash, tenant, revoked IS NOT NULL AS revoked
FROM own.api_keys
WHERE prefix = %(prefix)s;

-- add --
INSERT INTO own.api_keys (prefix, hash, name, tenant)
VALUES (%(prefix)s, %(hash)s, %(name)s, %(tenant)s)
ON CONFLICT (prefix) DO NOTHING
RETURNING prefix;

-- all --
SELECT prefix, name, tenant, created, last_used, revoked
FROM own.api_keys
ORDER BY created, prefix;

-- revoke --
UPDATE own.api_keys SET revoked = coalesce(revoked, now())
WHERE prefix = %(prefix)s
RETURNING prefix;

-- used --
UPDATE own.api_keys SET last_used = now() WHERE prefix = %(prefix)s;
