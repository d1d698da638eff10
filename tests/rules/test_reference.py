"""The second implementation where the table of vectors cannot look: it has no engine beside it.

All that both implementations are asked is in `vectors/`, and played by both in `test_vectors`. The
engine may not be imported here.
"""

from datetime import UTC, datetime, timedelta

from reference.game import Game

START = datetime(2025, 3, 3, 12, 0, tzinfo=UTC)


def a_game(**definitions):
    metrics = [{"key": key} for key in ("m", "n")]
    return Game({"metrics": metrics} | definitions)


def send(game, value=1, at=START, user="u1", metric="m", **fields):
    event = {"user": user, "metric": metric, "occurredAt": at.isoformat(), "value": value, **fields}
    return game.play(event, at)


DAILY = {"frequency": "daily", "metrics": [{"metric": "m", "threshold": 1}]}


def test_od_22_ten_points_every_three_hours_are_told_tick_by_tick():
    hourly = {"key": "t0", "type": "time", "timeUnit": "hours", "timeInterval": 3, "points": 10}
    game = a_game(points=[{"key": "xp", "triggers": [hourly]}])
    send(game)
    ticks = send(game, at=START + timedelta(hours=9)).awards
    assert [(it.at - START, it.total) for it in ticks] == [
        (timedelta(hours=3), 10),
        (timedelta(hours=6), 20),
        (timedelta(hours=9), 30),
    ]


def test_d1_32_a_freeze_beyond_the_limit_is_refused_with_the_words_of_the_docs():
    game = a_game(streak={**DAILY, "maxFreezes": 1, "initialFreezes": 1})
    send(game)
    refused = game.play({"type": "freeze", "user": "u1"}, START)
    assert (refused.status, refused.reason) == ("refused", "Would exceed maximum freeze limit")


def test_od_1_an_event_up_to_five_minutes_ahead_is_accepted_and_no_more():
    game = a_game()
    event = {"user": "u1", "metric": "m", "idempotencyKey": "k", "occurredAt": START.isoformat()}
    early = START - timedelta(minutes=5, microseconds=1)
    assert game.play(event, early).status == "refused"
    assert game.users == {}
    assert game.play(event, START - timedelta(minutes=5)).status == "applied"


def test_a_streak_shows_as_zero_once_the_day_after_the_last_one_is_over():
    game = a_game(streak=DAILY)
    send(game)
    shown = [
        game.streak_length_at("default", "u1", datetime.fromisoformat(instant))
        for instant in ("2025-03-04T23:59:59+00:00", "2025-03-05T00:00:00+00:00")
    ]
    assert shown == [1, 0]
