-- All that streaks as of now are made of, user by user.

-- of_users --
-- A row for each id that is asked for, in that order, also for who is unknown.
SELECT wanted.user_id, u.tz, s.length, s.started, s.through, s.extended, f.freezes,
    p.streak AS preferences,
    (
        SELECT json_agg(
            json_build_object('id', z.id, 'start', z.first_date, 'end', z.last_date)
            ORDER BY z.first_date, z.last_date, z.id
        )
        FROM pauses AS z WHERE z.tenant = %(tenant)s AND z.user_id = wanted.user_id
    ) AS pauses
FROM unnest(%(users)s::text[]) WITH ORDINALITY AS wanted (user_id, place)
LEFT JOIN users AS u ON u.tenant = %(tenant)s AND u.user_id = wanted.user_id
LEFT JOIN streaks AS s
    ON s.tenant = %(tenant)s AND s.user_id = wanted.user_id AND s.frequency = %(frequency)s
LEFT JOIN freezes AS f ON f.tenant = %(tenant)s AND f.user_id = wanted.user_id
LEFT JOIN streak_preferences AS p ON p.tenant = %(tenant)s AND p.user_id = wanted.user_id
ORDER BY wanted.place;
