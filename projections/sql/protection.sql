-- What keeps a streak besides activity, and what users set of theirs.

-- apply_freezes --
INSERT INTO freezes (tenant, user_id, freezes)
SELECT tenant, user_id, freezes
FROM json_to_recordset(%(rows)s::json) AS r (tenant text, user_id text, freezes integer)
ON CONFLICT (tenant, user_id) DO UPDATE SET freezes = EXCLUDED.freezes;

-- apply_pauses --
-- All pauses of a user are named: those that are not among them are gone.
WITH rows AS (
    SELECT * FROM json_to_recordset(%(rows)s::json) AS r (tenant text, user_id text, pauses json)
), listed AS (
    SELECT rows.tenant, rows.user_id, p.id, p.start, p."end"
    FROM rows, json_to_recordset(rows.pauses) AS p (id text, start date, "end" date)
), gone AS (
    DELETE FROM pauses AS p USING rows AS r
    WHERE p.tenant = r.tenant AND p.user_id = r.user_id
        AND NOT EXISTS (
            SELECT FROM listed AS l
            WHERE l.tenant = p.tenant AND l.user_id = p.user_id AND l.id = p.id
        )
)
INSERT INTO pauses (tenant, user_id, id, first_date, last_date)
SELECT tenant, user_id, id, start, "end" FROM listed
ON CONFLICT (tenant, user_id, id) DO UPDATE
SET first_date = EXCLUDED.first_date, last_date = EXCLUDED.last_date;

-- apply_preferences --
INSERT INTO streak_preferences (tenant, user_id, streak)
SELECT tenant, user_id, streak
FROM json_to_recordset(%(rows)s::json) AS r (tenant text, user_id text, streak jsonb)
ON CONFLICT (tenant, user_id) DO UPDATE SET streak = EXCLUDED.streak;

-- freezes --
SELECT freezes FROM freezes WHERE tenant = %(tenant)s AND user_id = %(user)s;

-- pauses --
SELECT id, first_date, last_date FROM pauses
WHERE tenant = %(tenant)s AND user_id = %(user)s
ORDER BY first_date, last_date, id;

-- pause_owner --
SELECT user_id FROM pauses WHERE tenant = %(tenant)s AND id = %(id)s LIMIT 1;

-- preferences --
SELECT streak FROM streak_preferences WHERE tenant = %(tenant)s AND user_id = %(user)s;
