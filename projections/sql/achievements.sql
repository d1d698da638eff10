-- Completed achievements, and how many users completed each.

-- apply --
WITH rows AS (
    SELECT * FROM json_to_recordset(%(rows)s::json) AS r (
        tenant text, user_id text, achievement text, partition integer, achieved_at timestamptz,
        event_id text
    )
), completed AS (
    INSERT INTO achievements (tenant, user_id, achievement, achieved_at, event_id)
    SELECT tenant, user_id, achievement, achieved_at, event_id FROM rows
    -- Once per user: the first completion stays.
    ON CONFLICT DO NOTHING
    RETURNING tenant, user_id, achievement
)
INSERT INTO achievement_counts AS c (tenant, achievement, partition, completions)
SELECT tenant, achievement, partition, count(*)
FROM completed JOIN rows USING (tenant, user_id, achievement)
GROUP BY tenant, achievement, partition
ON CONFLICT (tenant, achievement, partition) DO UPDATE
SET completions = c.completions + EXCLUDED.completions;

-- of_user --
SELECT achievement, achieved_at, event_id FROM achievements
WHERE tenant = %(tenant)s AND user_id = %(user)s
ORDER BY achieved_at, achievement;

-- counts --
SELECT achievement, sum(completions)::bigint FROM achievement_counts
WHERE tenant = %(tenant)s
GROUP BY achievement;
