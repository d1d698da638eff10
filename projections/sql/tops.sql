-- Users with the highest balance.

-- by_points --
SELECT p.user_id AS user, p.total AS points, coalesce(s.longest, 0) AS longest,
    coalesce(
        (SELECT jsonb_object_agg(t.metric, t.total::text) FROM totals AS t
         WHERE t.tenant = p.tenant AND t.user_id = p.user_id),
        '{}'
    ) AS totals
FROM points AS p
LEFT JOIN streaks AS s
    ON s.tenant = p.tenant AND s.user_id = p.user_id AND s.frequency = %(frequency)s
WHERE p.tenant = %(tenant)s AND p.system = %(system)s
ORDER BY p.total DESC, p.user_id
LIMIT %(limit)s;
