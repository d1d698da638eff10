-- Which notifications users want. Not derived from the ledger: the names are qualified.

-- of_user --
SELECT notifications FROM own.preferences WHERE tenant = %(tenant)s AND user_id = %(user)s;

-- set --
INSERT INTO own.preferences AS p (tenant, user_id, notifications)
VALUES (%(tenant)s, %(user)s, %(notifications)s::jsonb)
ON CONFLICT (tenant, user_id) DO UPDATE
SET notifications = p.notifications || EXCLUDED.notifications, updated = now()
RETURNING notifications;
