"""Vectors of freezes: granted, earned, consumed."""

from vectors.played import vector
from wording.definitions import daily, game
from wording.inputs import due, event, freeze, identify, on

ONE = game(streak=daily(initialFreezes=1, maxFreezes=1))
THREE = game(streak=daily(initialFreezes=1, maxFreezes=3))
EARNING = game(
    streak=daily(initialFreezes=1, maxFreezes=3, freezeAutoEarnInterval=7, freezeAutoEarnAmount=1)
)
OFTEN = game(
    streak=daily(initialFreezes=1, maxFreezes=1, freezeAutoEarnInterval=2, freezeAutoEarnAmount=1)
)
# Kept by a freeze: since and up to which date, how many it took and how many are left.
THE_3RD = ("frozen", "2026-03-03", "2026-03-03", 1, 0)

TABLE = [
    vector("d2 q: a freeze keeps the length of 2 over the third day",
           ONE, *on("2026-03-01", "2026-03-02"), due("2026-03-04T00:00:00Z"),
           event(at="2026-03-04"),
           lengths=[1, 2, 2, 3], freezes=[1, 1, 0, 0]),
    vector("d2 q: it is consumed when the day is over",
           ONE, *on("2026-03-01", "2026-03-02"), due("2026-03-04T00:00:00Z"),
           effects={"streaks": {"daily": [THE_3RD], "weekly": [], "monthly": []}}),
    vector("d2 q: also with the next event", THREE, *on("2026-03-02", "2026-03-03", "2026-03-05"),
           lengths=[1, 2, 3], freezes=[1, 1, 0]),
    vector("d2 r: the second missed day loses the length of 2",
           ONE, *on("2026-03-01", "2026-03-02"), due("2026-03-04T00:00:00Z"),
           due("2026-03-05T00:00:00Z"),
           lengths=[1, 2, 2, 0],
           effects={"streaks": {"daily": [("lost", 2, "2026-03-04")], "weekly": [],
                                "monthly": []}}),
    vector("d2 r: the freeze that was used before stays used",
           THREE, *on("2026-03-02", "2026-03-03", "2026-03-06"),
           lengths=[1, 2, 1], freezes=[1, 1, 0]),
    vector("d1 17: they are granted in the beginning", EARNING, identify(),
           effects={"streaks": {"daily": [("granted", 1, 1, "2026-03-02")], "weekly": [],
                                "monthly": []}}),
    vector("d1 17: one is earned a week later",
           game(streak=daily(maxFreezes=3, freezeAutoEarnInterval=7, freezeAutoEarnAmount=1)),
           *on("2025-04-02"), event(at="2025-04-09"),
           freezes=[0, 1], lengths=[1, 1],
           effects={"streaks": {
               "daily": [("lost", 1, "2025-04-03"), ("earned", 1, 1, "2025-04-09"),
                         ("started", 1, "2025-04-09")],
               "weekly": [("extended", 2, "2025-04-07")],
               "monthly": [],
           }}),
    vector("d1 17: one a week is earned, up to the limit",
           EARNING, *on(*(f"2026-03-{day:02}" for day in range(2, 31))),
           freezes=[1] * 7 + [2] * 7 + [3] * 15, known={"freezes": 3}),
    vector("a freeze is consumed before one is earned", OFTEN, *on("2026-03-02", "2026-03-04"),
           lengths=[1, 2], freezes=[1, 1],
           effects={"streaks": {
               "daily": [THE_3RD, ("earned", 1, 1, "2026-03-04"), ("extended", 2, "2026-03-04")],
               "weekly": [],
               "monthly": [],
           }}),
    vector("d1 32: a freeze can be granted up to the limit",
           THREE, identify(), freeze(), freeze(), freeze(),
           outcomes=["applied", "applied", "applied", "refused"],
           codes=[None, None, None, "invalid"], freezes=[1, 2, 3, None], known={"freezes": 3}),
    vector("d1 32: two where there were none",
           game(streak=daily(maxFreezes=2)), identify(), freeze(), freeze(), event(0),
           freezes=[0, 1, 2, 2]),
]  # fmt: skip
