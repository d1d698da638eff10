"""Every operation of the Application API that the rules stand behind, by the published SDK.

All numbers are worked out by hand from the game below.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from journeys.test_sdk import client, eventually
from trophy import UpsertedUser
from trophy.errors import ForbiddenError, NotFoundError, UnprocessableEntityError
from trophy.types import NotificationPreferences, StreakMetricPreference, StreakPreferences

GAME = """
settings: {defaultTimeZone: ZONE}
metrics:
  - {key: lessons, name: Lessons}
  - {key: minutes, name: Minutes}
attributes:
  - {type: user, key: team, name: Team}
streak:
  personalization: PERSONAL
  initialFreezes: 1
  maxFreezes: 2
  metrics:
    - {metric: lessons, threshold: 1}
achievements:
  - {key: first, name: First, trigger: metric, metric: lessons, metricValue: 1}
  - {key: profile, name: Profile, trigger: api, userAttributes: {team: red}}
  - {key: both, name: Both, trigger: achievement, achievements: [first, profile]}
points:
  - key: xp
    name: XP
    triggers:
      - {key: welcome, type: user_creation, points: 5}
      - {key: lesson, type: metric, metric: lessons, metricThreshold: 1, points: 10}
      - {key: for-profile, type: achievement, achievement: profile, points: 100}
    levels:
      - {key: rookie, name: Rookie, points: 0}
      - {key: active, name: Active, points: 100}
    boosts:
      - {key: double, name: Double, start: TODAY, multiplier: 2, userAttributes: {team: red}}
      - {key: later, name: Later, start: TOMORROW, multiplier: 3}
  - key: energy
    name: Energy
    triggers:
      - {key: start, type: user_creation, points: 10}
      - {key: cost, type: metric, metric: lessons, metricThreshold: 1, points: -10,
         blockIfOutOfPoints: true}
"""


def zone_of_noon(now: datetime) -> str:
    """Return a zone in which it is about noon: no midnight comes while a test runs."""
    return f"Etc/GMT{now.hour - 12:+d}" if now.hour != 12 else "Etc/GMT"


@pytest.fixture
def system(make_system: Any, tmp_path: Any) -> Any:
    """Return a running system with the game in force, and the date of its users in `today`."""
    now = datetime.now(UTC)
    found = make_system()
    found.today = (now + timedelta(hours=12 - now.hour)).date()
    game = GAME.replace("ZONE", zone_of_noon(now))
    game = game.replace("TODAY", found.today.isoformat())
    game = game.replace("TOMORROW", (found.today + timedelta(days=1)).isoformat())
    found.game = game
    put(found, tmp_path, personal=True)
    found.start()
    found.wait_ready()
    return found


def put(system: Any, tmp_path: Any, *, personal: bool) -> None:
    """Put the game in force, with or without streaks of one's own."""
    file = tmp_path / "game.yaml"
    file.write_text(system.game.replace("PERSONAL", str(personal).lower()))
    system.xp("apply", str(file))


def test_the_sdk_drives_every_rule_of_the_application_api(system: Any, tmp_path: Any) -> None:
    with client(system.url, system.api_key) as sdk:
        users(sdk)
        event_and_blocked_event(sdk)
        completions(sdk)
        reads_of_a_user(sdk, system)
        reads_of_systems(sdk)
        preferences(sdk)
        put(system, tmp_path, personal=False)
        without_personalization(sdk)


def users(sdk: Any) -> None:
    ann = sdk.users.create(id="ann", name="Ann", email="a@b.c", attributes={"team": "red"})
    assert (ann.name, ann.attributes, ann.subscribe_to_emails) == ("Ann", {"team": "red"}, True)
    with pytest.raises(NotFoundError):
        sdk.users.update("nobody", name="Nobody")
    assert sdk.users.update("ann", name="Anna").name == "Anna"
    bob = sdk.users.identify("bob", attributes={"team": "blue"})
    assert (bob.id, bob.email, bob.subscribe_to_emails) == ("bob", None, False)
    stored = eventually(lambda: sdk.users.get("ann"), lambda it: it.name == "Anna")
    assert (stored.email, stored.attributes, stored.created) == (
        "a@b.c",
        {"team": "red"},
        ann.created,
    )
    welcome = eventually(lambda: sdk.users.points("ann", "xp"), lambda it: it.total > 0)
    assert (welcome.total, welcome.awards[0].boosts[0].name) == (10, "Double")
    eventually(lambda: sdk.users.points("bob", "xp"), lambda it: it.total == 5)


def event_and_blocked_event(sdk: Any) -> None:
    said = sdk.metrics.event("lessons", user=UpsertedUser(id="ann"), value=1)
    assert (said.points["xp"].added, said.points["xp"].total) == (20, 30)
    assert (said.points["energy"].added, said.points["energy"].total) == (-10, 0)
    assert [it.name for it in said.achievements] == ["First"]
    streak = said.current_streak
    assert (streak.length, streak.extended, streak.freezes, streak.max_freezes) == (1, True, 1, 2)
    for _ in range(2):
        # The key is not used up by what is refused.
        with pytest.raises(UnprocessableEntityError) as told:
            sdk.metrics.event("lessons", user=UpsertedUser(id="ann"), value=1, idempotency_key="k1")
        assert "energy" in told.value.body["error"]


def completions(sdk: Any) -> None:
    done = sdk.achievements.complete("profile", user=UpsertedUser(id="ann"))
    assert (done.points["xp"].added, done.points["xp"].total) == (200, 230)
    assert done.points["xp"].level.key == "active"
    assert done.achievement.achieved_at is not None
    again = sdk.achievements.complete("profile", user=UpsertedUser(id="ann"))
    assert (again.completion_id, again.points) == (done.completion_id, {})
    assert again.achievement.achieved_at == done.achievement.achieved_at
    with pytest.raises(UnprocessableEntityError):
        sdk.achievements.complete("profile", user=UpsertedUser(id="bob"))
    for key in ("first", "nothing"):
        with pytest.raises(NotFoundError):
            sdk.achievements.complete(key, user=UpsertedUser(id="ann"))
    # Someone new, whose attributes come along.
    cat = sdk.achievements.complete(
        "profile", user=UpsertedUser(id="cat", attributes={"team": "red"})
    )
    assert (cat.points["xp"].added, cat.points["xp"].total) == (210, 210)
    assert cat.completion_id != done.completion_id


def reads_of_a_user(sdk: Any, system: Any) -> None:
    eventually(lambda: sdk.users.points("cat", "xp"), lambda it: it.total == 210)
    assert {it.name for it in sdk.users.achievements("ann")} == {"First", "Profile", "Both"}
    assert [it.name for it in sdk.users.points_boosts("ann", "xp")] == ["Double"]
    assert sdk.users.points_boosts("bob", "xp") == []
    day = system.today
    asked = {
        "aggregation": "daily",
        "start_date": (day - timedelta(days=1)).isoformat(),
        "end_date": day.isoformat(),
    }
    lessons = sdk.users.metric_event_summary("ann", "lessons", **asked)
    assert [(row.total, row.change) for row in lessons] == [(0.0, 0.0), (1.0, 1.0)]
    month = asked | {"aggregation": "monthly", "start_date": (day - timedelta(days=31)).isoformat()}
    xp = sdk.users.points_event_summary("ann", "xp", **month)
    assert (xp[-1].total, sum(row.change for row in xp)) == (230.0, 230.0)
    streak = sdk.users.streak("ann", history_periods=2)
    assert (streak.length, streak.freezes, streak.expires) == (
        1,
        1,
        (day + timedelta(days=1)).isoformat(),
    )
    assert [(it.length, it.used_freeze, it.used_pause) for it in streak.streak_history] == [
        (0, False, False),
        (1, False, False),
    ]
    found = sdk.streaks.list(user_ids=["bob", "nobody", "ann"])
    assert [(it.user_id, it.streak_length) for it in found] == [
        ("ann", 1),
        ("bob", 0),
        ("nobody", 0),
    ]


def reads_of_systems(sdk: Any) -> None:
    everything = sdk.achievements.all_()
    assert [(it.name, it.completions, it.rarity) for it in everything] == [
        ("First", 1, 33.33),
        ("Profile", 2, 66.67),
        ("Both", 1, 33.33),
    ]
    blue = sdk.achievements.all_(user_attributes="team:blue")
    assert [it.name for it in blue] == ["First", "Both"]
    system = sdk.points.system("xp")
    assert [it.type for it in system.triggers] == ["user_creation", "metric", "achievement"]
    assert [(it.name, it.status) for it in sdk.points.boosts("xp")] == [
        ("Double", "active"),
        ("Later", "scheduled"),
    ]
    assert [it.key for it in sdk.points.levels("xp")] == ["rookie", "active"]
    levels = sdk.points.level_summary("xp")
    assert [(it.level.key, it.users) for it in levels] == [("rookie", 1), ("active", 2)]
    with pytest.raises(UnprocessableEntityError):
        sdk.points.level_summary("energy")
    ranges = sdk.points.summary("xp")
    assert [it.users for it in ranges] == [0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0]
    red = sdk.points.summary("xp", user_attributes="team:red")
    assert [it.users for it in red] == [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]


def preferences(sdk: Any) -> None:
    assert sdk.users.get_preferences("ann").streak.enabled is True
    changed = sdk.users.update_preferences(
        "bob",
        notifications=NotificationPreferences(recap=["email"]),
        streak=StreakPreferences(metrics=[StreakMetricPreference(key="minutes", threshold=10)]),
    )
    assert changed.notifications.recap == ["email"]
    assert [(it.key, it.threshold) for it in changed.streak.metrics] == [("minutes", 10)]
    stored = eventually(lambda: sdk.users.get_preferences("bob"), lambda it: it.streak.metrics)
    assert stored == changed
    said = sdk.metrics.event("minutes", user=UpsertedUser(id="bob"), value=9.5)
    assert (said.current_streak.length, said.current_streak.extended) == (0, False)
    said = sdk.metrics.event("minutes", user=UpsertedUser(id="bob"), value=0.5)
    assert (said.current_streak.length, said.current_streak.extended) == (1, True)
    off = sdk.users.update_preferences("bob", streak=StreakPreferences(enabled=False))
    assert (off.streak.enabled, off.notifications.recap) == (False, ["email"])
    gone = eventually(lambda: sdk.users.streak("bob"), lambda it: it.length == 0)
    assert (gone.extended, gone.started) == (None, None)
    with pytest.raises(UnprocessableEntityError):
        sdk.users.update_preferences(
            "ann",
            streak=StreakPreferences(metrics=[StreakMetricPreference(key="nothing", threshold=1)]),
        )
    with pytest.raises(NotFoundError):
        sdk.users.update_preferences("nobody", streak=StreakPreferences(enabled=False))


def without_personalization(sdk: Any) -> None:
    def refused() -> bool:
        try:
            sdk.users.update_preferences("ann", streak=StreakPreferences(evaluation_mode="AND"))
        except ForbiddenError:
            return True
        return False

    assert eventually(refused, bool)
    changed = sdk.users.update_preferences("ann", streak=StreakPreferences(enabled=False))
    assert changed.streak.enabled is False
