"""Vectors of achievements: ladders, composites, by request, backdated."""

from vectors.played import vector
from wording.definitions import daily, game
from wording.inputs import backfill, complete, event

CARDS = game(
    ["flashcards"],
    streak={"metrics": [{"metric": "flashcards", "threshold": 1}]},
    achievements=[
        {"key": "thousand", "metricValue": 1000, "metric": "flashcards"},
        {"key": "week", "streakLength": 7},
        {"key": "onboarding"},
        {"key": "all", "achievements": ["thousand", "week", "onboarding"]},
    ],
)
WEEK = [event(150, f"2026-03-0{day}", metric="flashcards") for day in range(1, 8)]
LADDER = game(achievements=[{"key": str(at), "metricValue": at} for at in (500, 1000, 2000)])
TRACKER = game(
    [{"key": "xp", "defaultIncrementValue": 10}],
    achievements=[{"key": "master", "metricValue": 1000, "metric": "xp"}],
)
FIFTY, NONE = event(50, metric="xp"), event(None, metric="xp")
RUNS = {"run-5": 5, "half-marathon": 21.1, "marathon": 42.2}
FITNESS = game(
    ["run", "ride", "swim"],
    achievements=[
        *({"key": key, "metricValue": it, "metric": "run"} for key, it in RUNS.items()),
        *({"key": f"ride-{it}", "metricValue": it, "metric": "ride"} for it in (100, 200)),
        *({"key": f"swim-{it}", "metricValue": it, "metric": "swim"} for it in (1000, 5000)),
    ],
    points={
        "xp": {
            "triggers": [
                {"metricThreshold": 1, "points": 10, "metric": "run"},
                {"metricThreshold": 1, "points": 3, "metric": "ride"},
                {"metricThreshold": 100, "points": 10, "metric": "swim"},
            ]
        }
    },
)
HALF = game(achievements=[{"key": "half", "metricValue": 500}])
FIVE = game(
    streak=daily(),
    achievements=[{"key": "five", "metricValue": 5}],
    points={"xp": {"triggers": [{"achievement": "five", "points": 30}]}},
)


def rungs(*numbers):
    """Return the vectors of a ladder: each rung is completed at its own number."""
    ladder = game(achievements=[{"key": f"at-{it}", "metricValue": it} for it in numbers])
    for last, rung in zip((0, *numbers), numbers, strict=False):
        below = [f"at-{it}" for it in numbers if it <= last]
        yield vector(f"d1 24: {rung} of {numbers}", ladder, event(rung - 1), event(1),
                     achievements=[below, [f"at-{rung}"]])  # fmt: skip


def asked(status, code):
    """Return the vector of a request for what cannot be completed."""
    closed = game(achievements=[{"key": "a", "status": status}])
    return vector(f"od 10: what is {status} cannot be completed", closed, complete("a"),
                  outcomes=["refused"], codes=[code], others={"ada": None})  # fmt: skip


TABLE = [
    vector("d1 7: an event of 750 completes the achievement at 500 once",
           HALF, event(750), event(1), achievements=[["half"], []], totals=[750, 751]),
    vector("d1 23: 1000 flashcards, 7 days and onboarding unlock the composite with the last",
           CARDS, *WEEK, complete("onboarding", "2026-03-08"),
           achievements=[[]] * 6 + [["thousand", "week"], ["onboarding", "all"]]),
    vector("d1 23: whichever of them is the last",
           CARDS, complete("onboarding", "2026-03-01"), *WEEK,
           achievements=[["onboarding"], *[[]] * 6, ["thousand", "week", "all"]]),
    vector("od 10: a second request does nothing", CARDS, complete("onboarding"),
           complete("onboarding", "2026-03-03"),
           outcomes=["applied", "replayed"], achievements=[["onboarding"], []],
           known={"achievements": {"onboarding": "2026-03-02T12:00:00Z"}}),
    asked("locked", "invalid"),
    asked("inactive", "invalid"),
    *rungs(1000, 2500, 5000, 10000, 25000, 50000),
    *rungs(10, 50, 100, 250),
    *rungs(10, 50, 100, 250, 1000),
    *(
        vector(f"d1 25: {value} of {metric} make {points} points and {done}", FITNESS,
               event(value, metric=metric), awarded=[points], achievements=[done])
        for metric, value, points, done in (
            ("run", 5, 50, ["run-5"]),
            ("run", 21.1, 210, ["run-5", "half-marathon"]),
            ("run", 42.2, 420, ["run-5", "half-marathon", "marathon"]),
            ("run", 42.1, 420, ["run-5", "half-marathon"]),
            ("ride", 100, 300, ["ride-100"]),
            ("ride", 200, 600, ["ride-100", "ride-200"]),
            ("swim", 1000, 100, ["swim-1000"]),
            ("swim", 5000, 500, ["swim-1000", "swim-5000"]),
        )
    ),
    vector("d1 28: a total of 1500 has done 500 and 1000 and not 2000",
           LADDER, event(700), event(800),
           achievements=[["500"], ["1000"]], known={"totals": {"commits": (1500, 1500)}}),
    vector("d1 28: at once too", LADDER, event(1500), achievements=[["500", "1000"]]),
    vector("d1 29: a value left out is the default increment", TRACKER, NONE, totals=[10]),
    vector("d1 29: a value of its own is not", TRACKER, FIFTY, totals=[50]),
    vector("d1 29: the badge comes at 1000", TRACKER, event(990, metric="xp"), NONE,
           achievements=[[], ["master"]]),
    vector("d2 a: nineteen times 50 is 950 and the twentieth brings the badge once",
           TRACKER, *[FIFTY] * 21,
           achievements=[[]] * 19 + [["master"], []],
           totals=[50, 100, 150, 200, 250, 300, 350, 400, 450, 500, 550, 600, 650, 700, 750, 800,
                   850, 900, 950, 1000, 1050]),
    vector("d2 b: a hundred events without value are 1000 and bring the badge",
           TRACKER, *[NONE] * 100,
           achievements=[[]] * 99 + [["master"]], known={"totals": {"xp": (1000, 1000)}}),
    vector("od 9: a new achievement is backdated with its points",
           game(streak=daily()), event(7), FIVE, backfill(2),
           achievements=[[], ["five"]], awarded=[0, 30], balances={"xp": 30}),
]  # fmt: skip
