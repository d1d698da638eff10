-- The queries of the outbox: own.deliveries, own.webhooks and own.notifier_positions.

-- positions --
SELECT partition, next_offset, epoch, source_offset, lane, quiet_until
FROM own.notifier_positions;

-- projected_positions --
SELECT partition, next_offset, epoch, source_offset, lane
FROM read.positions;

-- start_position --
INSERT INTO own.notifier_positions (partition, next_offset, epoch, source_offset, lane, quiet_until)
VALUES (%(partition)s, %(next_offset)s, %(epoch)s, %(source_offset)s, %(lane)s, %(quiet_until)s)
ON CONFLICT (partition) DO NOTHING;

-- lock_position --
SELECT next_offset, epoch, source_offset, lane
FROM own.notifier_positions
WHERE partition = %(partition)s
FOR UPDATE;

-- move_position --
UPDATE own.notifier_positions
SET next_offset = %(next_offset)s, epoch = %(epoch)s, source_offset = %(source_offset)s,
    lane = %(lane)s
WHERE partition = %(partition)s;

-- projected_offset --
SELECT next_offset FROM read.positions WHERE partition = %(partition)s;

-- subscribed --
SELECT id, tenant
FROM own.webhooks
WHERE removed IS NULL AND tenant = ANY(%(tenants)s) AND %(type)s = ANY(types);

-- users --
SELECT users.*
FROM read.users
JOIN unnest(%(tenants)s::text[], %(users)s::text[]) AS wanted (tenant, user_id)
    USING (tenant, user_id);

-- profiles --
SELECT profiles.*
FROM own.profiles
JOIN unnest(%(tenants)s::text[], %(users)s::text[]) AS wanted (tenant, user_id)
    USING (tenant, user_id);

-- enqueue --
INSERT INTO own.deliveries (webhook_id, id, type, user_id, body, next_attempt, created)
VALUES (%(webhook_id)s, %(id)s, %(type)s, %(user_id)s, %(body)s, %(now)s, %(now)s)
ON CONFLICT (webhook_id, id) DO NOTHING;

-- due --
SELECT w.id
FROM own.webhooks AS w
WHERE w.removed IS NULL AND EXISTS (
    SELECT FROM own.deliveries AS d
    WHERE d.webhook_id = w.id AND d.state = 'pending' AND d.next_attempt <= %(now)s
);

-- next --
SELECT d.id, d.user_id, d.body, d.attempts, w.url, w.secret
FROM own.deliveries AS d
JOIN own.webhooks AS w ON w.id = d.webhook_id AND w.removed IS NULL
WHERE d.webhook_id = %(webhook_id)s AND d.state = 'pending' AND d.next_attempt <= %(now)s
    AND d.id <> ALL(%(ids)s) AND d.user_id <> ALL(%(users)s)
ORDER BY d.next_attempt, d.sequence
LIMIT 1;

-- record --
UPDATE own.deliveries
SET state = %(state)s, attempts = %(attempts)s, last_error = %(error)s,
    next_attempt = %(next_attempt)s, finished = %(finished)s
WHERE webhook_id = %(webhook_id)s AND id = %(id)s AND state = 'pending'
    AND attempts = %(attempts)s - 1;

-- prune --
DELETE FROM own.deliveries WHERE finished < %(before)s;

-- waiting --
SELECT w.id::text, count(*) FILTER (WHERE d.state = 'pending'),
    count(*) FILTER (WHERE d.state = 'failed')
FROM own.webhooks AS w
JOIN own.deliveries AS d ON d.webhook_id = w.id AND d.state IN ('pending', 'failed')
WHERE w.removed IS NULL
GROUP BY w.id;

-- add_webhook --
INSERT INTO own.webhooks (id, tenant, url, secret, types)
VALUES (%(id)s, %(tenant)s, %(url)s, %(secret)s, %(types)s);

-- list_webhooks --
SELECT w.id, w.tenant, w.url, w.types, w.created,
    count(*) FILTER (WHERE d.state = 'pending') AS pending,
    count(*) FILTER (WHERE d.state = 'delivered') AS delivered,
    count(*) FILTER (WHERE d.state = 'failed') AS failed,
    (array_agg(d.last_error ORDER BY d.sequence DESC) FILTER (WHERE d.last_error IS NOT NULL))[1]
        AS last_error
FROM own.webhooks AS w
LEFT JOIN own.deliveries AS d ON d.webhook_id = w.id
WHERE w.removed IS NULL AND (%(tenant)s::text IS NULL OR w.tenant = %(tenant)s)
GROUP BY w.id
ORDER BY w.created, w.id;

-- list_deliveries --
SELECT d.id, d.type, d.user_id, d.state, d.attempts, d.next_attempt, d.last_error, d.created,
    d.finished
FROM own.deliveries AS d
WHERE d.webhook_id = %(webhook_id)s AND (%(state)s::text IS NULL OR d.state = %(state)s)
ORDER BY d.sequence DESC
LIMIT %(limit)s;

-- remove_webhook --
UPDATE own.webhooks SET removed = now() WHERE id = %(id)s AND removed IS NULL;

-- drop_pending --
UPDATE own.deliveries
SET state = 'failed', last_error = 'the webhook was removed', finished = now()
WHERE webhook_id = %(id)s AND state = 'pending';

-- retry_webhook --
UPDATE own.deliveries
SET state = 'pending', attempts = 0, next_attempt = now(), finished = NULL
WHERE webhook_id = %(id)s AND state = 'failed';

-- retry_delivery --
UPDATE own.deliveries AS d
SET state = 'pending', attempts = 0, next_attempt = now(), finished = NULL
FROM own.webhooks AS w
WHERE d.id = %(id)s AND d.state = 'failed' AND w.id = d.webhook_id AND w.removed IS NULL;

-- known_webhook --
SELECT EXISTS (SELECT FROM own.webhooks WHERE id = %(id)s AND removed IS NULL);

-- known_delivery --
SELECT EXISTS (SELECT FROM own.deliveries WHERE id = %(id)s);
