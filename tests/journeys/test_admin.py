"""The published SDK's Admin API, and what we have beyond it, against a running whole."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from journeys.test_sdk import client, eventually
from trophy import (
    CreatePointsBoostRequestItem,
    CreatePointsLevelRequestItem,
    CreatePointsTriggerRequestItem,
)
from trophy.admin.streaks import RestoreStreaksRequestUsersItem
from trophy.admin.streaks.freezes import CreateStreakFreezesRequestFreezesItem
from trophy.admin.streaks.pauses import CreateStreakPausesRequestPausesItem
from trophy.errors import NotFoundError
from trophy.types import (
    PatchPointsBoostsRequestItem,
    PatchPointsLevelsRequestItem,
    PatchPointsTriggersRequestItem,
)

from schemas.definitions import id_of

GAME = """
metrics:
  - {key: lessons, name: Lessons}
attributes:
  - {key: plan, type: user, name: Plan}
streak:
  frequency: daily
  metrics: [{metric: lessons, threshold: 1}]
  maxFreezes: 2
achievements:
  - {key: three, name: Three, trigger: metric, metric: lessons, metricValue: 3, status: inactive}
points:
  - {key: xp, name: XP}
"""

XP = id_of("default", "points", "xp")
LESSONS = id_of("default", "metrics", "lessons")
PLAN = id_of("default", "attributes", "user", "plan")


@pytest.fixture
def system(make_system, tmp_path):
    made = make_system()
    game = tmp_path / "game.yaml"
    game.write_text(GAME, encoding="utf-8")
    made.xp("apply", str(game))
    made.start()
    made.wait_ready()
    return made


@pytest.fixture
def sdk(system):
    with client(system.url, system.api_key) as found:
        yield found


def admin(system, method, path, body, **headers):
    return httpx.request(
        method,
        f"{system.url}/admin/v1{path}",
        json=body,
        headers={"X-API-KEY": system.api_key, **headers},
        timeout=20,
    )


def test_what_the_sdk_makes_of_a_points_system_is_what_events_are_judged_by(sdk):
    points = sdk.admin.points
    triggers = points.triggers.create(
        XP,
        request=[
            CreatePointsTriggerRequestItem(
                type="metric", points=10, status="active", metric_id=LESSONS, metric_threshold=1
            ),
            CreatePointsTriggerRequestItem(
                type="time", points=1, time_unit="days", time_interval=1
            ),
            CreatePointsTriggerRequestItem(type="streak", points=1),
        ],
    )
    assert [it.points for it in triggers.created] == [10, 1]
    assert triggers.issues[0].index == 2
    levels = points.levels.create(
        XP,
        request=[
            CreatePointsLevelRequestItem(name="None", key="none", points=0),
            CreatePointsLevelRequestItem(name="Some", key="some", points=30),
        ],
    )
    assert [it.key for it in levels.created] == ["none", "some"]

    first = sdk.metrics.event("lessons", user={"id": "ann"}, value=1)
    assert (first.points["xp"].added, first.points["xp"].level.key) == (10, "none")

    today = datetime.now(UTC).date()
    boosts = points.boosts.create(
        XP,
        request=[
            CreatePointsBoostRequestItem(
                user_id="ann", name="For ann", start=str(today), multiplier=2.5, rounding="up"
            ),
            CreatePointsBoostRequestItem(
                name="Later", start=str(today + timedelta(9)), multiplier=9
            ),
            CreatePointsBoostRequestItem(
                user_id="nobody", name="No", start=str(today), multiplier=2
            ),
        ],
    )
    assert [(it.status, it.user_id) for it in boosts.created] == [
        ("active", "ann"),
        ("scheduled", None),
    ]
    assert (boosts.issues[0].user_id, boosts.issues[0].message) == ("nobody", "User does not exist")
    second = sdk.metrics.event("lessons", user={"id": "ann"}, value=1)
    assert (second.points["xp"].added, second.points["xp"].total) == (25, 35)
    assert second.points["xp"].level.key == "some"

    own = boosts.created[0].id
    changed = points.boosts.update(
        XP, request=[PatchPointsBoostsRequestItem(id=own, multiplier=3, name="Thrice")]
    )
    assert (changed.updated[0].multiplier, changed.updated[0].rounding) == (3, "up")
    assert points.boosts.get(XP, own).name == "Thrice"
    trigger = triggers.created[0].id
    points.triggers.update(XP, request=[PatchPointsTriggersRequestItem(id=trigger, points=1)])
    points.levels.update(
        XP, request=[PatchPointsLevelsRequestItem(id=levels.created[1].id, points=100)]
    )
    third = sdk.metrics.event("lessons", user={"id": "ann"}, value=1)
    assert (third.points["xp"].added, third.points["xp"].total) == (3, 38)

    assert [it.id for it in points.boosts.delete(XP, ids=[own]).deleted] == [own]
    assert len(points.boosts.list(XP)) == 1
    assert [it.id for it in points.triggers.list(XP, limit=1, skip=1)] == [triggers.created[1].id]
    with pytest.raises(NotFoundError):
        points.boosts.get(XP, own)
    fourth = sdk.metrics.event("lessons", user={"id": "ann"}, value=1)
    assert fourth.points["xp"].added == 1


def test_freezes_pauses_and_restores_of_the_sdk_reach_the_streak(system, sdk):
    sdk.metrics.event("lessons", user={"id": "ann", "tz": "UTC"}, value=1)
    granted = sdk.admin.streaks.freezes.create(
        freezes=[
            CreateStreakFreezesRequestFreezesItem(user_id=user)
            for user in ("ann", "nobody", "ann", "ann")
        ]
    )
    assert [(it.user_id, it.severity, it.message) for it in granted.issues] == [
        ("nobody", "error", "User does not exist"),
        ("ann", "warning", "Would exceed maximum freeze limit"),
    ]
    streak = eventually(lambda: sdk.users.streak("ann"), lambda it: it.freezes == 2)
    assert streak.max_freezes == 2

    today = datetime.now(UTC).date()
    spans = [(today + timedelta(1), today + timedelta(3)), (today - timedelta(2), today)]
    paused = sdk.admin.streaks.pauses.create(
        pauses=[
            CreateStreakPausesRequestPausesItem(user_id="ann", start=str(start), end=str(end))
            for start, end in spans
        ]
    )
    assert [(it.start, it.status) for it in paused.created] == [(str(spans[0][0]), "active")]
    assert [(it.index, it.severity) for it in paused.issues] == [(1, "error")]
    # At once: what was made a moment ago is found.
    gone = sdk.admin.streaks.pauses.delete(ids=[paused.created[0].id])
    assert ([it.id for it in gone.deleted], gone.issues) == ([paused.created[0].id], [])
    eventually(lambda: sdk.users.streak("ann"), lambda it: not it.pauses)

    # Four days in a row, long ago enough to be lost and to be given back.
    lines = [
        json.dumps(
            {
                "user": "bob",
                "metric": "lessons",
                "value": 1,
                "occurredAt": f"{today - timedelta(days)}T12:00:00Z",
            }
        )
        for days in (33, 32, 31, 30)
    ]
    system.xp("publish", "-", text="\n".join(lines))
    eventually(lambda: sdk.users.streak("bob"), lambda it: it.length == 0)
    eventually(lambda: sdk.users.single_metric("bob", "lessons"), lambda it: it.current == 4)

    def restore():
        return sdk.admin.streaks.restore(
            users=[RestoreStreaksRequestUsersItem(id=it) for it in ("bob", "ann", "nobody")]
        )

    restored = eventually(restore, lambda it: it.restored_users == ["bob"])
    assert [(it.user_id, it.severity, it.message) for it in restored.issues] == [
        ("ann", "warning", "No streak to restore"),
        ("nobody", "error", "User does not exist"),
    ]
    eventually(lambda: sdk.users.streak("bob"), lambda it: it.length == 4)


def test_events_are_corrected_points_adjusted_and_achievements_activated(system, sdk):
    sdk.admin.points.triggers.create(
        XP,
        request=[
            CreatePointsTriggerRequestItem(
                type="metric", points=10, status="active", metric_id=LESSONS, metric_threshold=1
            )
        ],
    )
    event = sdk.metrics.event("lessons", user={"id": "ann"}, value=3)
    assert event.points["xp"].total == 30

    path = f"/events/{event.event_id}/correction"
    answer = admin(system, "POST", path, {"value": 5, "reason": "two were missing"})
    assert answer.status_code == 201, answer.text
    effects = {it["kind"]: it for it in answer.json()["effects"]}
    assert (effects["correction"]["before"], effects["correction"]["after"]) == (3, 5)
    assert (effects["total"]["total"], effects["points"]["total"]) == (5, 50)
    answer = admin(system, "POST", path, {"value": 5, "reason": "again"})
    assert (answer.status_code, answer.json()["effects"]) == (202, [])

    path = "/users/ann/points/xp/adjustments"
    body = {"points": -8, "reason": "a bet"}
    for status in (201, 202):
        answer = admin(system, "POST", path, body, **{"Idempotency-Key": "bet"})
        assert answer.status_code == status, answer.text
    points = eventually(lambda: sdk.users.points("ann", "xp"), lambda it: it.total == 42)
    assert points.awards[0].awarded == -8
    assert admin(system, "POST", "/users/nobody/points/xp/adjustments", body).status_code == 404
    assert admin(system, "POST", "/users/ann/points/gems/adjustments", body).status_code == 404

    # Who qualifies already completes what is activated.
    answer = admin(system, "PATCH", "/achievements/three", {"status": "active"})
    assert answer.status_code == 200, answer.text
    eventually(
        lambda: sdk.users.achievements("ann"), lambda it: [each.name for each in it] == ["Three"]
    )
