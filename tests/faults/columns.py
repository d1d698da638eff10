"""Which tables there are to read, and what each row of them holds."""

# Table -> its columns, and how many of them are the key.
COLUMNS: dict[str, tuple[str, int]] = {
    "users": ("tenant, user_id, tz, attributes, created, updated, last_seen", 2),
    "user_counts": ("tenant, partition, users", 2),
    "totals": ("tenant, user_id, metric, total, updated", 3),
    "total_days": ("tenant, user_id, metric, day, change, events", 4),
    "streaks": (
        "tenant, user_id, frequency, length, longest, started, period, through, extended",
        3,
    ),
    "streak_periods": (
        "tenant, user_id, frequency, period, length, used_freeze, used_pause",
        4,
    ),
    "freezes": ("tenant, user_id, freezes", 2),
    "pauses": ("tenant, user_id, id, first_date, last_date", 3),
    "streak_preferences": ("tenant, user_id, streak", 2),
    "achievements": ("tenant, user_id, achievement, achieved_at, event_id", 3),
    "achievement_counts": ("tenant, achievement, partition, completions", 3),
    "points": ("tenant, user_id, system, total, updated", 3),
    "awards": (
        (
            "tenant, user_id, system, ledger_offset, index, id, trigger, awarded, total, at,"
            " definitions, boosts, count, reason"
        ),
        5,
    ),
    "point_days": ("tenant, user_id, system, day, change", 4),
    "levels": (
        "tenant, user_id, system, ledger_offset, index, id, before, after, total, at",
        5,
    ),
    "corrections": (
        "tenant, event_id, ledger_offset, index, id, user_id, before, after, reason, at",
        4,
    ),
    "in_force": ("tenant, partition, version", 2),
    "positions": ("partition, next_offset, epoch, source_offset, lane", 1),
}
