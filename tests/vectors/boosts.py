"""Vectors of boosts: how they stack and round, and the local dates that they hold on."""

from vectors.played import vector
from wording.definitions import game, per
from wording.inputs import event, grant, identify, on

WEST = {"tz": "America/Los_Angeles"}


def boosted(base, *boosts, start="2024-01-01"):
    """Return a game that awards `base` points for a commit, with boosts."""
    return game(points={"xp": per(1, base, boosts=[{"start": start, **it} for it in boosts])})


def multipliers(*numbers, rounding="down"):
    """Return boosts of these multipliers."""
    return [{"multiplier": it, "rounding": rounding} for it in numbers]


def once(name, base, boosts, awarded):
    """Return the vector of one event."""
    return vector(name, boosted(base, *boosts), event(), awarded=[awarded])


WEEKEND = {"end": "2024-01-03", "multiplier": 2}
TABLE = [
    once("d1 1: boosts of 2 and 1.5 and 3 multiply by 9", 1, multipliers(2, 1.5, 3), 9),
    once("d1 2: nearest of 1.2 is 1", 1, multipliers(1.2, rounding="nearest"), 1),
    once("d1 2: nearest of 1.7 is 2", 1, multipliers(1.7, rounding="nearest"), 2),
    once("d1 35: a multiplier is less than 100", 100, multipliers(99.99), 9999),
    once("d2 g: 5 times 1.5 down", 5, multipliers(1.5, rounding="down"), 7),
    once("d2 g: 5 times 1.5 up", 5, multipliers(1.5, rounding="up"), 8),
    once("d2 g: 5 times 1.5 to the nearest", 5, multipliers(1.5, rounding="nearest"), 8),
    once("d2 h: 10 times 2 and 1.5 and 3", 10, multipliers(2, 1.5, 3), 90),
    once("d2 i: 1 times 1.5 times 1.5 is 2: rounded once", 1, multipliers(1.5, 1.5), 2),
    once("d2 u: 10 points times one half are 5", 10, multipliers(0.5), 5),
    once("od 25: nearest wins over up", 5,
         [{"multiplier": "1.1", "rounding": "up"}, {"multiplier": "1.3", "rounding": "nearest"}],
         7),
    once("od 25: down wins over both", 5,
         [{"multiplier": "1.1", "rounding": "up"}, {"multiplier": "1.3", "rounding": "nearest"},
          {"multiplier": "1.01", "rounding": "down"}],
         7),
    once("od 25: up is for all that say so", 5,
         [{"multiplier": "1.1", "rounding": "up"}, {"multiplier": "1.01", "rounding": "up"}], 6),
    vector("d1 30: an award of 10 makes 2450 when the double xp weekend is over",
           boosted(10, WEEKEND), identify(), grant(2440), event(),
           awarded=[0, 2440, 10], balances={"xp": 2450}),
    vector("d1 30: the double xp weekend doubles it from its first to its last date",
           boosted(10, WEEKEND), *on("2023-12-31", "2024-01-01", "2024-01-03", "2024-01-04"),
           awarded=[10, 20, 20, 10]),
    vector("d1 31: 2 from 2025-01-01 to 01-03",
           boosted(5, {"end": "2025-01-03", "multiplier": 2, "rounding": "down"},
                   start="2025-01-01"),
           *on("2024-12-31", "2025-01-01", "2025-01-03", "2025-01-04"), awarded=[5, 10, 10, 5]),
    vector("d1 31: 1.5 to the nearest without end",
           boosted(5, {"multiplier": 1.5, "rounding": "nearest"}, start="2025-01-01"),
           *on("2024-12-31", "2025-01-01", "2035-01-01"), awarded=[5, 8, 8]),
    vector("d1 31: Global Holiday, 1.5 up from 2024-12-25",
           boosted(5, {"multiplier": 1.5, "rounding": "up"}, start="2024-12-25"),
           *on("2024-12-24", "2024-12-25"), awarded=[5, 8]),
    vector("d2 s: in UTC-8 a boost holds until 8 o'clock of the next day",
           boosted(10, WEEKEND), event(at="2024-01-04T05:00:00Z", user=WEST),
           event(at="2024-01-04T07:59:59Z"), event(at="2024-01-04T08:00:00Z"),
           awarded=[20, 20, 10]),
    vector("d2 s: in UTC it does not", boosted(10, WEEKEND), event(at="2024-01-04T05:00:00Z"),
           awarded=[10]),
]  # fmt: skip
