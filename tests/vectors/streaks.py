"""Vectors of streaks: length and dates, weeks from Sunday to Saturday, zones, restoring."""

from vectors.played import vector
from wording.definitions import daily, game
from wording.inputs import event, identify, on, pause, prefer, restore

DAILY = game(streak=daily())
EARNING = game(streak=daily(maxFreezes=3, freezeAutoEarnInterval=7, freezeAutoEarnAmount=1))
SUNDAYS = game(streak=daily(frequency="weekly"), settings={"weekStart": "sunday"})
OWN = game(streak=daily(personalization=True))
LONG = ["2025-01-05", "2025-01-12", "2025-01-19", "2025-01-26", "2025-02-02", "2025-02-09",
        "2025-02-16", "2025-02-23", "2025-03-02", "2025-03-23", "2025-03-30", "2025-04-06",
        "2025-04-13"]  # fmt: skip
GAP = ["2025-03-30", "2025-04-06", "2025-04-13", "2025-04-27", "2025-05-04", "2025-05-11"]
MIDWAY, EASTERN = {"tz": "Etc/GMT+12"}, {"tz": "Pacific/Kiritimati"}


def restored(frequency, kept, now, length):
    """Return the vector of restoring what was kept on these dates; None: there is nothing."""
    name = f"d1 34: {frequency}, kept on {' and '.join(kept)}, asked for on {now}"
    story = [game(streak=daily(frequency=frequency)), *on(*kept), restore(now)]
    if length is None:
        outcomes = ["applied"] * len(kept) + ["refused"]
        return vector(name, *story, outcomes=outcomes, codes=[None] * len(kept) + ["invalid"])
    return vector(name, *story, lengths=[*range(1, len(kept) + 1), length])


TABLE = [
    vector("d1 17: a streak starts with length 1 and expires the next day",
           EARNING, event(at="2025-04-02"),
           effects={"streaks": {
               "daily": [("started", 1, "2025-04-02")],
               "weekly": [("started", 1, "2025-03-31")],
               "monthly": [("started", 1, "2025-04-01")],
           }},
           answer={"streak": (1, "2025-04-02", "2025-04-02", "2025-04-02", "2025-04-03"),
                   "frequency": "daily", "freezes": 0}),
    vector("d1 18: it is extended to length 2 and expires on the 4th, as od 14 has it",
           DAILY, event(at="2025-04-02T09:00:00Z"), event(at="2025-04-02T10:00:00Z"),
           event(at="2025-04-03T09:00:00Z"),
           lengths=[1, 1, 2],
           effects={"streaks": {"daily": [("extended", 2, "2025-04-03")], "weekly": [],
                                "monthly": []}},
           answer={"streak": (2, "2025-04-02", "2025-04-03", "2025-04-03", "2025-04-04"),
                   "freezes": None}),
    vector("d1 19: a week ends on the 5th and the streak expires on the 12th",
           SUNDAYS, event(at="2025-04-02"),
           answer={"streak": (1, "2025-04-02", "2025-03-30", "2025-04-05", "2025-04-12")}),
    vector("d1 20: nine weeks from Sunday to Saturday, two left out, four more",
           SUNDAYS, *on(*LONG), event(at="2025-04-19T23:59:00Z"),
           lengths=[1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 4],
           known={"streaks": [(1, "2025-04-19", 1), (4, "2025-03-23", 9), (4, "2025-01-05", 4)]}),
    vector("d1 20: three weeks, one left out, three more", SUNDAYS, *on(*GAP),
           lengths=[1, 2, 3, 1, 2, 3]),
    *(
        vector(f"d1 20: at the end of the week of {week} the length is {length}",
               SUNDAYS, *on(*(it for it in active if it <= week)),
               event(0, at=f"{saturday}T23:59:59Z"),
               answer={"streak": shown})
        for active, week, saturday, length, shown in (
            (LONG, "2025-03-02", "2025-03-08", 9,
             (9, "2025-01-05", "2025-03-02", "2025-03-08", "2025-03-15")),
            (LONG, "2025-03-16", "2025-03-22", 0, (0, None, None, None, None)),
            (LONG, "2025-04-13", "2025-04-19", 4,
             (4, "2025-03-23", "2025-04-13", "2025-04-19", "2025-04-26")),
            (GAP, "2025-05-11", "2025-05-17", 3,
             (3, "2025-04-27", "2025-05-11", "2025-05-17", "2025-05-24")),
        )
    ),
    vector("d1 20: a missed day starts a daily streak over",
           DAILY, *on("2025-03-30", "2025-03-31", "2025-04-01", "2025-04-03", "2025-04-04",
                      "2025-04-05"),
           lengths=[1, 2, 3, 1, 2, 3]),
    restored("daily", ["2026-03-01", "2026-03-02"], "2026-05-31", 2),
    restored("daily", ["2026-03-01", "2026-03-02"], "2026-06-01", None),
    restored("daily", ["2026-03-02"], "2026-05-31", 1),
    restored("daily", ["2026-03-02"], "2026-06-01", None),
    # The week of the 1st of January 2025 begins on Monday the 30th of December.
    restored("weekly", ["2024-12-24", "2024-12-30"], "2025-12-31", 2),
    restored("weekly", ["2024-12-17", "2024-12-29"], "2025-12-31", None),
    restored("weekly", ["2025-12-29"], "2026-12-31", 1),
    restored("weekly", ["2025-12-28"], "2026-12-31", None),
    restored("monthly", ["2023-12-15", "2024-01-15"], "2025-12-31", 2),
    restored("monthly", ["2023-11-15", "2023-12-15"], "2025-12-31", None),
    restored("monthly", ["2025-01-01"], "2026-12-31", 1),
    restored("monthly", ["2024-12-31"], "2026-12-31", None),
    vector("od 17: the longest in the window is restored and goes on",
           DAILY, *on("2026-03-02", "2026-03-03", "2026-03-04", "2026-03-07", "2026-03-10",
                      "2026-03-11"),
           restore("2026-03-14"), *on("2026-03-14", "2026-03-15"),
           lengths=[1, 2, 3, 1, 1, 2, 3, 4, 5]),
    vector("od 16: a pause keeps the streak, and what is done extends it",
           game(streak=daily(maxFreezes=3, initialFreezes=1)),
           event(), pause("2026-03-03", "2026-03-06"), event(at="2026-03-04"),
           event(at="2026-03-07"),
           lengths=[1, 1, 2, 3], freezes=[1, 1, 1, 1]),
    vector("od 16: it expires on the day after the pause", DAILY, event(),
           pause("2026-03-03", "2026-03-06"),
           answer={"streak": (1, "2026-03-02", "2026-03-02", "2026-03-02", "2026-03-07")}),
    vector("a streak that is turned off is gone and counts nothing",
           DAILY, *on("2026-03-02", "2026-03-03"), prefer("2026-03-03", enabled=False),
           event(at="2026-03-04"), lengths=[1, 2, 0, 0]),
    vector("conditions of one's own need a game that has them",
           DAILY, event(), prefer(metrics={"commits": 5}),
           outcomes=["applied", "refused"], codes=[None, "invalid"]),
    vector("a user may have conditions of their own where the game says so",
           OWN, event(), prefer(metrics={"commits": 5}), event(3, "2026-03-03"),
           event(3, "2026-03-03"), lengths=[1, 1, 1, 2]),
    vector("od 1: a late event counts but does not revive a streak",
           DAILY, *on("2026-03-02", "2026-03-04"),
           event(at="2026-03-03", appended="2026-03-04"),
           lengths=[1, 1, 1], totals=[1, 2, 3],
           effects={"days": ["2026-03-03"], "streaks": {"daily": [], "weekly": [], "monthly": []}}),
    vector("a streak shows until the day after the last one is over",
           DAILY, event(), event(0, at="2026-03-03T23:59:59Z"), event(0, at="2026-03-04T00:00:00Z"),
           lengths=[1, 1, 0]),
    vector("od 38: a local date that Samoa skipped does not break a streak",
           game(streak=daily(), settings={"defaultTimeZone": "Pacific/Apia"}),
           event(at="2011-12-29T12:00:00-10:00"), event(at="2011-12-31T12:00:00+14:00"),
           lengths=[1, 2]),
    # It is 23:30 on the 1st at the western end and 01:30 on the 3rd at the eastern end.
    vector("od 38: a flight over dates keeps a streak alive and never extends it twice",
           DAILY,
           event(at="2025-04-02T11:30:00Z", user=MIDWAY),
           event(at="2025-04-02T11:30:00Z", user=EASTERN),
           event(at="2025-04-02T11:30:00Z", user=MIDWAY),
           event(at="2025-04-03T11:30:00Z", user=MIDWAY),
           event(at="2025-04-05T11:30:00Z", user=MIDWAY),
           lengths=[1, 2, 2, 2, 3]),
    # In Kiritimati it is the 6th by now, a day too late. In the west it is still the 4th, which was
    # satisfied already, so that not even a new streak starts.
    vector("od 38: what ended in the old time zone is not saved by the new one",
           DAILY,
           event(at="2025-03-03T12:00:00Z", user=EASTERN),
           event(at="2025-03-06T00:30:00+14:00", user=MIDWAY),
           lengths=[1, 0]),
    vector("od 38: a zone alone does nothing to a streak", DAILY, event(),
           identify(tz="Asia/Tokyo"), lengths=[1, 1]),
]  # fmt: skip
