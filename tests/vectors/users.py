"""Vectors of users and their events: keys, attributes, filters, time, exact sums."""

from vectors.played import vector
from wording.definitions import game, per
from wording.inputs import event

BOB = {"id": "bob"}
TWO = game(["a", "b"])
TEAM = game(user=["plan", "a", "b", "c"])
PRO = {"attributes": {"plan": "pro"}}
MERGES = game(
    event=["kind"],
    user=["plan"],
    points={
        "xp": {
            "triggers": [
                {
                    "metricThreshold": 2,
                    "points": 10,
                    "eventAttributes": {"kind": "merge"},
                    "userAttributes": {"plan": "pro"},
                }
            ]
        }
    },
)
TENS = game(points={"xp": per(1, 10)})
NOON = "2026-03-02T12:00:00Z"


def of_kind(kind, value, **user):
    """Return an event with an attribute."""
    return event(value, attributes={"kind": kind}, user=user)


TABLE = [
    vector("d1 26: lesson-123 twice is counted once", game(),
           event(idempotencyKey="lesson-123"), event(idempotencyKey="lesson-123"),
           outcomes=["applied", "replayed"], totals=[1, 1],
           known={"totals": {"commits": (1, 1)}}),
    vector("d1 27: five lessons in one event are five", TENS, event(5),
           totals=[5], awarded=[50],
           known={"totals": {"commits": (5, 5)}, "points": {"xp": (50, 50)}}),
    vector("d1 27: as five events are", TENS, *[event()] * 5,
           totals=[1, 2, 3, 4, 5],
           known={"totals": {"commits": (5, 5)}, "points": {"xp": (50, 50)}}),
    vector("d2 p: one key on two metrics and for two users is four events", TWO,
           *(event(metric=metric, user=user, idempotencyKey="k")
             for user in ({}, BOB) for metric in ("a", "b")),
           totals=[1, 1, 1, 1]),
    vector("d2 p: each of them is used then", TWO,
           *(event(metric=metric, user=user, idempotencyKey="k")
             for user in ({}, BOB) for metric in ("a", "b", "b")),
           outcomes=["applied", "applied", "replayed"] * 2,
           known={"totals": {"a": (1, 1), "b": (1, 1)}}),
    vector("od 3: what is refused changes nothing at all", TEAM,
           event(user={"attributes": {"plan": "pro", "unknown": "x"}}), event(metric="unknown"),
           event(attributes={"unknown": "x"}),
           outcomes=["refused"] * 3, codes=["invalid", "not_found", "invalid"],
           others={"ada": None}),
    vector("od 3: and neither does what is replayed", TEAM,
           event(idempotencyKey="k"), event(user=PRO, idempotencyKey="k"),
           outcomes=["applied", "replayed"], known={"attributes": {}}),
    vector("od 7: attributes merge by key, and null or empty clears one", TEAM,
           event(user={"attributes": {"a": "1", "b": "2", "c": "3"}}),
           event(user={"attributes": {"a": None, "b": ""}}),
           known={"attributes": {"c": "3"}}),
    vector("od 12: a filter counts matching events only, and looks at the user then", MERGES,
           of_kind("merge", 3), of_kind("fix", 9, **PRO), of_kind("merge", 1),
           awarded=[0, 0, 10]),
    vector("od 43: one tenth ten times is one", game(), *[event(0.1)] * 10,
           totals=["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", 1]),
    vector("od 1: an event more than five minutes ahead is refused", game(),
           event(at=NOON, appended="2026-03-02T11:54:59.999000Z", idempotencyKey="k"),
           event(at=NOON, appended="2026-03-02T11:55:00Z", idempotencyKey="k"),
           outcomes=["refused", "applied"], codes=["invalid", None]),
]  # fmt: skip
