-- Users, as the rules know them.

-- apply --
WITH rows AS (
    SELECT r.*, known.user_id IS NULL AS is_new, known.tz AS known_tz,
        known.attributes AS known_attributes, known.created AS known_created,
        known.updated AS known_updated, known.last_seen AS known_last_seen
    FROM json_to_recordset(%(rows)s::json) AS r (
        tenant text, user_id text, partition integer, tz_given boolean, tz text, attributes jsonb,
        created timestamptz, updated timestamptz, last_seen timestamptz
    )
    LEFT JOIN users AS known USING (tenant, user_id)
), counted AS (
    INSERT INTO user_counts AS c (tenant, partition, users)
    SELECT tenant, partition, count(*) FROM rows WHERE is_new GROUP BY tenant, partition
    ON CONFLICT (tenant, partition) DO UPDATE SET users = c.users + EXCLUDED.users
)
INSERT INTO users (tenant, user_id, tz, attributes, created, updated, last_seen)
SELECT tenant, user_id,
    CASE WHEN tz_given THEN tz ELSE known_tz END,
    jsonb_strip_nulls(coalesce(known_attributes, '{}') || coalesce(attributes, '{}')),
    coalesce(known_created, created),
    coalesce(updated, known_updated, created),
    greatest(known_last_seen, last_seen)
FROM rows
ON CONFLICT (tenant, user_id) DO UPDATE
SET tz = EXCLUDED.tz,
    attributes = EXCLUDED.attributes,
    updated = EXCLUDED.updated,
    last_seen = EXCLUDED.last_seen;

-- one --
SELECT u.user_id AS id, u.tz, u.attributes, u.created,
    greatest(u.updated, p.updated) AS updated, u.last_seen,
    p.name, p.email, p.device_tokens,
    -- Without an email there is nothing to subscribe (OD-8).
    p.email IS NOT NULL AND coalesce(p.subscribe_to_emails, true) AS subscribe_to_emails
FROM users AS u
LEFT JOIN own.profiles AS p USING (tenant, user_id)
WHERE u.tenant = %(tenant)s AND u.user_id = %(user)s;

-- count --
SELECT coalesce(sum(users), 0)::bigint FROM user_counts WHERE tenant = %(tenant)s;
