-- Personal fields of users. They are not derived from the ledger: the names are qualified.

-- positions --
SELECT partition, next_offset FROM own.profile_positions;

-- add_positions --
INSERT INTO own.profile_positions (partition, next_offset)
SELECT partition, 0 FROM generate_series(0, %(partitions)s::integer - 1) AS partition
ON CONFLICT DO NOTHING;

-- lock --
SELECT partition, next_offset FROM own.profile_positions
WHERE partition = ANY (%(partitions)s)
ORDER BY partition
FOR UPDATE;

-- move --
UPDATE own.profile_positions AS p
SET next_offset = r.next_offset
FROM json_to_recordset(%(rows)s::json) AS r (partition integer, next_offset bigint)
WHERE p.partition = r.partition;

-- apply --
INSERT INTO own.profiles (
    tenant, user_id, name, email, device_tokens, subscribe_to_emails, updated
)
SELECT tenant, user_id,
    CASE WHEN r.name_given THEN r.name ELSE known.name END,
    CASE WHEN NOT coalesce(r.subscribe_to_emails, known.subscribe_to_emails, true) THEN NULL
         WHEN r.email_given THEN r.email
         ELSE known.email END,
    CASE WHEN r.tokens_given THEN r.tokens ELSE known.device_tokens END,
    coalesce(r.subscribe_to_emails, known.subscribe_to_emails),
    r.updated
FROM json_to_recordset(%(rows)s::json) AS r (
    tenant text, user_id text, name_given boolean, name text, email_given boolean, email text,
    tokens_given boolean, tokens jsonb, subscribe_to_emails boolean, updated timestamptz
)
LEFT JOIN own.profiles AS known USING (tenant, user_id)
ON CONFLICT (tenant, user_id) DO UPDATE
SET name = EXCLUDED.name,
    email = EXCLUDED.email,
    device_tokens = EXCLUDED.device_tokens,
    subscribe_to_emails = EXCLUDED.subscribe_to_emails,
    updated = EXCLUDED.updated;

-- subscription --
SELECT subscribe_to_emails FROM own.profiles WHERE tenant = %(tenant)s AND user_id = %(user)s;
