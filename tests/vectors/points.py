"""Vectors of points: thresholds, caps, deductions, levels, time triggers, operators."""

from vectors.played import vector
from wording.definitions import every, game, per
from wording.inputs import complete, correct, due, event, grant, identify, on

METALS = {"bronze": 0, "silver": 50, "gold": 200}
TASKS = game(
    ["tasks"],
    streak={"metrics": [{"metric": "tasks", "threshold": 1}]},
    achievements=[{"key": "profile-completed"}],
    points={
        "xp": {
            "triggers": [
                {"metricThreshold": 3, "points": 10, "metric": "tasks"},
                {"streakLength": 7, "points": 50},
                {"achievement": "profile-completed", "points": 100},
            ]
        },
        "energy": {"triggers": [every(10, hours=3)]},
    },
)
ENERGY = game(
    ["flashcards"],
    points={
        "energy": {
            "triggers": [
                {"points": 10},
                {"metricThreshold": 1, "points": -1, "metric": "flashcards"},
                every(1, days=1),
            ],
        }
    },
)
CARD = event(metric="flashcards")
LIVES = game(points={"xp": {"triggers": [{"metricThreshold": 1, "points": -1}], "levels": METALS}})
COSTLY = game(
    points={
        "xp": {"triggers": [{"metricThreshold": 1, "points": -1, "blockIfOutOfPoints": True}]},
    }
)
SPENDING = game(
    ["commits", "lines"],
    points={
        "xp": {
            "triggers": [
                {"metricThreshold": 1, "points": 1},
                {"metricThreshold": 1, "points": -60, "metric": "lines"},
            ],
            "levels": METALS,
        }
    },
)
CAPPED = game(points={"xp": per(1, 1, maxPoints=100)})
OPERATED = game(
    points={"xp": {"maxPoints": 100, "boosts": [{"start": "2026-03-01", "multiplier": 2}]}}
)
LATE = game(["commits"], points={"xp": {"triggers": [every(10, hours=3)]}})
FITNESS = game(
    ["run", "swim"],
    points={
        "xp": {
            "triggers": [
                {"metricThreshold": 1, "points": 10, "metric": "run"},
                {"metricThreshold": 100, "points": 10, "metric": "swim"},
            ]
        }
    },
)
BOOSTED_THIRDS = game(
    points={
        "xp": per(3, 10, boosts=[{"start": "2026-03-02", "end": "2026-03-02", "multiplier": 1.5}])
    }
)
TEN = event(10)


def tick(system, trigger, awarded, total, at, count=1):
    """Return the words of a tick, or of equal ones that follow each other."""
    return (system, trigger, awarded, total, (), at, count)


def award(awarded, total, trigger="t0", system="xp"):
    """Return the words of any other award."""
    return (system, trigger, awarded, total, (), None, 1)


def tasks(*days):
    """Return a task on each of these days of March 2026."""
    return [event(1, f"2026-03-0{day}", metric="tasks") for day in days]


TABLE = [
    vector("d1 3: 10 points for 3 tasks", TASKS, event(3, metric="tasks"), awarded=[10]),
    vector(
        "d1 3: 50 points for a streak of 7 days",
        TASKS,
        *tasks(1, 2, 3, 4, 5, 6, 7),
        effects={"awards": [award(50, 70, "t1")]},
    ),
    vector("d1 3: 100 points for profile completed", TASKS, complete("profile-completed"),
           awarded=[100]),
    vector("d1 3: 10 points every 3 hours", TASKS, identify(), due("2026-03-02T15:00:00Z"),
           awarded=[0, 10]),
    vector("d1 3: 30 points after 9 hours", TASKS, identify(), due("2026-03-02T21:00:00Z"),
           awarded=[0, 30]),
    vector("d1 4: a total of 900 at 50 per 100 is 450",
           game(points={"xp": per(100, 50)}), event(850), event(50),
           awarded=[400, 50], balances={"xp": 450}),
    vector("d1 5: a flashcard costs 1 of 10 energy", ENERGY, CARD,
           effects={"awards": [award(10, 10, "t0", "energy"), award(-1, 9, "t1", "energy")]}),
    vector("d1 6: energy falls to 9 and is 10 again after a day",
           ENERGY, identify(), CARD, due("2026-03-03"),
           awarded=[10, -1, 1], balances={"energy": 10},
           effects={"ticks": {"energy": [tick("energy", "t2", 1, 10, "2026-03-03T12:00:00Z")]}}),
    vector("d1 9: 40 and 60 make silver", game(points={"xp": {"levels": METALS}}),
           identify(), grant(40), grant(60),
           levels=[[], [("xp", None, "bronze")], [("xp", "bronze", "silver")]],
           balances={"xp": 100}),
    vector("d1 12: the points of three days are 100, then 300, then 600",
           game(points={"xp": per(1, 100)}),
           event(1, "2024-01-01"), event(2, "2024-01-02"), event(3, "2024-01-03"),
           awarded=[100, 200, 300], balances={"xp": 600}),
    vector("d1 25: 10 points per kilometre run and 10 per hundred metres swum",
           FITNESS, event(21.1, metric="run"), event(1050, metric="swim"),
           awarded=[210, 100], effects={"awards": [award(100, 310, "t1")]}),
    vector("d2 c: 10 points for 3 tasks carry the remainder on", game(points={"xp": per(3, 10)}),
           event(1), event(1), event(1), event(4), event(2),
           awarded=[0, 0, 10, 10, 10], totals=[1, 2, 3, 7, 9], balances={"xp": 30}),
    vector("d2 d: 9 tasks at once are one award of 30", game(points={"xp": per(3, 10)}), event(9),
           effects={"awards": [award(30, 30)]}),
    vector("d2 e: fractions of a kilometre add up", game(points={"xp": per(1, 10)}),
           event(0.6), event(0.6), event(1.9), awarded=[0, 10, 20], totals=["0.6", "1.2", "3.1"]),
    vector("d2 f: 3 points for a kilometre of 10.5", game(points={"xp": per(1, 3)}), event(10.5),
           awarded=[30]),
    vector("d2 j: at 95 of 100 an award of 10 is 5, and then there is none", CAPPED,
           event(95), event(10), event(10),
           awarded=[95, 5, 0], balances={"xp": 100}, effects={"awards": []},
           known={"points": {"xp": (100, 100)}}),
    vector("d2 k: a blocked event is refused, and there is no user by it", COSTLY, event(),
           outcomes=["refused"], codes=["blocked"], others={"ada": None}),
    vector("d2 k: it changes nothing, and its key can be used again", COSTLY,
           identify(), event(idempotencyKey="k"), grant(1), event(idempotencyKey="k"),
           event(idempotencyKey="k"),
           outcomes=["applied", "refused", "applied", "applied", "replayed"],
           codes=[None, "blocked", None, None, None], awarded=[0, 0, 1, -1, 0],
           balances={"xp": 0}, known={"totals": {"commits": (1, 1)}}),
    vector("d2 l: without block the total stays 0 and there is no award", LIVES, event(),
           effects={"awards": [], "levels": []}, balances={}, totals=[1]),
    vector("d2 m: levels are skipped upwards in one change, and fall again", SPENDING,
           event(40), event(200), event(1, metric="lines"),
           levels=[[("xp", None, "bronze")], [("xp", "bronze", "gold")],
                   [("xp", "gold", "silver")]],
           balances={"xp": 180}),
    vector("d2 m: of an operator too", game(points={"xp": {"levels": METALS}}),
           identify(), grant(40), grant(200), grant(-60),
           levels=[[], [("xp", None, "bronze")], [("xp", "bronze", "gold")],
                   [("xp", "gold", "silver")]]),
    vector("d2 n: what was reached once is not awarded again", game(points={"xp": per(5, 10)}),
           event(5), event(-5), event(5), awarded=[10, 0, 0], totals=[5, 0, 5]),
    vector("od 22: 10 points every three hours from creation on", LATE,
           event(), event(0, "2026-03-02T21:00:00Z"),
           awarded=[0, 30],
           effects={"ticks": {"xp": [tick("xp", "t0", 30, 30, "2026-03-02T21:00:00Z", 3)]}}),
    vector("od 22: a trigger counts from when it was activated", game(),
           event(), event(0, "2026-03-02T14:00:00Z"), LATE, event(0, "2026-03-02T21:00:00Z"),
           awarded=[0, 0, 20],
           effects={"ticks": {"xp": [tick("xp", "t0", 20, 20, "2026-03-02T20:00:00Z", 2)]}}),
    vector("od 24: a deduction is not boosted",
           game(points={"xp": {
               "triggers": [{"points": 10}, {"metricThreshold": 1, "points": -3}],
               "boosts": [{"start": "2026-03-01", "multiplier": 2}],
           }}),
           event(),
           effects={"awards": [("xp", "t0", 20, 20, ("b0",), None, 1), award(-3, 17, "t1")]}),
    vector("points are granted and deducted between zero and the cap, and not boosted", OPERATED,
           event(), grant(70), grant(70), grant(-120), grant(-1),
           outcomes=["applied"] * 4 + ["refused"], codes=[None] * 4 + ["invalid"],
           awarded=[0, 70, 30, -100, 0], balances={"xp": 0}),
    vector("a correction takes back what was awarded for too much, with the boost of then",
           BOOSTED_THIRDS,
           TEN, correct(4, TEN, "2026-03-05"), event(1, "2026-03-05"),
           correct(4, TEN, "2026-03-05"), correct(None, TEN, "2026-03-05"),
           outcomes=["applied", "applied", "applied", "replayed", "applied"],
           awarded=[45, -30, 0, 0, -15], known={"totals": {"commits": (1, 1)}}),
]  # fmt: skip
TABLE += [
    vector("d1 4: a hundred times 9 make 450 too",
           game(points={"xp": per(100, 50)}), *[event(9)] * 100, balances={"xp": 450}),
    *(
        vector(f"d1 25: a balance of {balance} is {key}",
               game(points={"xp": {"levels": {
                   "rookie": 0, "active": 100, "mover": 500, "athlete": 2500, "pro": 10000}}}),
               identify(), grant(balance), levels=[[], [("xp", None, key)]])
        for balance, key in (
            (1, "rookie"), (99, "rookie"), (100, "active"), (499, "active"), (500, "mover"),
            (2499, "mover"), (2500, "athlete"), (9999, "athlete"), (10000, "pro"),
        )
    ),
    vector("d2 o: 50 points come on the days 7, 14 and 21",
           game(streak={"metrics": [{"metric": "commits", "threshold": 1}]},
                points={"xp": {"triggers": [{"streakLength": 7, "points": 50}]}}),
           *on(*(f"2026-03-{day:02}" for day in range(1, 22))),
           awarded=[0, 0, 0, 0, 0, 0, 50, 0, 0, 0, 0, 0, 0, 50, 0, 0, 0, 0, 0, 0, 50],
           balances={"xp": 150}),
]  # fmt: skip
