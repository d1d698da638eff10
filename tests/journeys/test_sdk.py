"""The published Python SDK against a running whole: nothing but its base URL is ours."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
import pytest
from trophy import TrophyApi
from trophy.environment import TrophyApiEnvironment
from trophy.errors import NotFoundError, UnauthorizedError, UnprocessableEntityError

PATIENCE_S = 15.0

Read = TypeVar("Read")


@contextmanager
def client(base_url: str, api_key: str) -> Iterator[TrophyApi]:
    """Give the SDK's client with other URLs; its connections are closed afterwards."""
    url = base_url.rstrip("/")
    environment = TrophyApiEnvironment(api=f"{url}/v1", admin=f"{url}/admin/v1")
    with httpx.Client(timeout=60) as connections:
        yield TrophyApi(environment=environment, api_key=api_key, httpx_client=connections)


def eventually(read: Callable[[], Read], holds: Callable[[Read], bool]) -> Read:
    """Read until it holds: reads follow the verdict by some milliseconds."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        last: object
        try:
            found = read()
            if holds(found):
                return found
            last = found
        except NotFoundError as error:
            last = error
        assert time.monotonic() < deadline, f"still {last!r}"
        time.sleep(0.05)


def exercise_sdk(
    base_url: str, api_key: str, *, metric: str = "lessons", system: str = "xp"
) -> dict[str, Any]:
    """Post, replay and read back with the SDK; return what it said, by operation."""
    with client(base_url, "no-such-key-at-all") as stranger, pytest.raises(UnauthorizedError):
        stranger.users.get("anybody")
    with client(base_url, api_key) as sdk:
        return _exercise(sdk, metric, system)


def _exercise(sdk: TrophyApi, metric: str, system: str) -> dict[str, Any]:
    user = f"sdk-{uuid.uuid4().hex}"
    key = uuid.uuid4().hex

    first = sdk.metrics.event(
        metric, user={"id": user, "name": "Ann", "tz": "UTC"}, value=3, idempotency_key=key
    )
    assert first.total == 3
    assert first.idempotency_key == key
    assert first.idempotent_replayed is False
    assert first.current_streak.length in (0, 1)

    again = sdk.metrics.event(metric, user={"id": user}, value=3, idempotency_key=key)
    assert again.event_id == first.event_id
    assert again.total == 3
    assert again.idempotent_replayed is True
    assert (again.achievements, again.points) == ([], {})

    second = sdk.metrics.event(metric, user={"id": user}, value=0.5)
    assert second.total == 3.5
    assert second.event_id != first.event_id
    assert second.idempotency_key is None

    total = eventually(lambda: sdk.users.single_metric(user, metric), lambda it: it.current == 3.5)
    assert total.key == metric
    assert [it.key for it in sdk.users.all_metrics(user) if it.current] == [metric]

    known = eventually(lambda: sdk.users.get(user), lambda it: it.name == "Ann")
    assert (known.id, known.tz, known.email) == (user, "UTC", None)

    points = sdk.users.points(user, system)
    answered = {**first.points, **second.points}
    assert points.total == (answered[system].total if system in answered else 0)
    assert sum(award.awarded or 0 for award in points.awards) == points.total

    streak = sdk.users.streak(user, history_periods=3)
    assert streak.length == second.current_streak.length
    assert len(streak.streak_history) == 3

    achieved = sdk.users.achievements(user)
    gained = {it.id for it in (*first.achievements, *second.achievements)}
    assert gained <= {it.id for it in achieved}
    every = sdk.users.achievements(user, include_incomplete="true")
    assert {it.id for it in achieved} <= {it.id for it in every}

    with pytest.raises(UnprocessableEntityError):
        sdk.metrics.event(metric, user={"id": ""}, value=1)
    return {
        "user": user,
        "first": first,
        "again": again,
        "second": second,
        "points": points,
        "streak": streak,
        "achievements": achieved,
    }


def test_the_published_sdk_posts_replays_and_reads_back(running: Any) -> None:
    # The numbers are those of examples/game.yaml: 5 XP for the first event, 10 for each lesson.
    said = exercise_sdk(running.url, running.api_key)
    first, points, streak = said["first"], said["points"], said["streak"]
    assert first.points["xp"].added == first.points["xp"].total == points.total == 35
    assert first.points["xp"].level.key == points.level.key == "rookie"
    assert first.points["energy"].total == 70
    assert [award.awarded for award in points.awards] == [30, 5]
    assert points.awards[0].trigger.metric_name == "Lessons"
    assert [it.name for it in first.achievements] == ["First lesson"]
    assert [it.name for it in said["achievements"]] == ["First lesson"]
    assert (streak.length, first.current_streak.extended) == (1, True)
    assert [period.length for period in streak.streak_history] == [0, 0, 1]
