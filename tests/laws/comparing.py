"""What the engine and the second implementation say of an input and of a user, in the same words.

The two group differently what belongs together: the engine tells of equal ticks and of periods
that were kept alike in one entry. Here both are taken apart.
"""

from collections import Counter
from datetime import datetime
from decimal import Decimal

from reference.people import Freezes, Frozen
from reference.periods import FREQUENCIES
from reference.rules import Counted
from reference.streaks import StreakChange

from schemas.definitions import filter_id

KEPT = ("paused", "frozen")


# What came of an input


def of_record(record, frequency):
    """What a record says came of its input; `frequency` is the game's."""
    entries = record["entries"]
    points = [it for it in entries if it["kind"] == "points"]
    return {
        "days": [it["day"] for it in entries if it["kind"] == "total"],
        "achievements": [it["achievement"] for it in entries if it["kind"] == "achievement"],
        "awards": [(*award_of(it), it["total"]) for it in points if "at" not in it],
        "ticks": ticks_of(it for it in points if "at" in it),
        "levels": [
            (it["system"], it["before"], it["after"]) for it in entries if it["kind"] == "level"
        ],
        "boosts": [
            (it["system"], it["boost"], it["change"]) for it in entries if it["kind"] == "boost"
        ],
        "streaks": {it: merged(changes_of(entries, it, frequency)) for it in FREQUENCIES},
    }


def award_of(entry):
    return entry["system"], entry["trigger"], entry["awarded"], tuple(entry.get("boosts", ()))


def ticks_of(entries):
    """How often each tick came, and when each trigger's last one was."""
    ticks: Counter[tuple] = Counter()
    last = {}
    for entry in entries:
        system, trigger, awarded, boosts = award_of(entry)
        count = entry.get("count", 1)
        assert awarded % count == 0
        ticks[system, trigger, awarded // count, boosts] += count
        last[system, trigger] = datetime.fromisoformat(entry["at"])
    return ticks, last


def changes_of(entries, frequency, used):
    """What happened to the streak of a frequency, and with that of the game to freezes."""
    for entry in entries:
        if entry["kind"] == "freezes" and frequency == used:
            yield entry["change"], entry["amount"], entry["freezes"], entry["day"]
        if entry["kind"] != "streak" or entry["frequency"] != frequency:
            continue
        change = entry["change"]
        if change in KEPT:
            since = entry.get("since", entry["period"])
            yield change, since, entry["period"], entry.get("consumed"), entry.get("freezes")
        elif change == "lost":
            yield change, entry["lost"]
        elif change == "restored":
            yield change, entry["length"]
        elif change != "carried":
            yield change, entry["length"], entry["period"]


def merged(changes):
    """The same with those together that keep one period after the other in the same way."""
    told: list[tuple] = []
    for change in changes:
        last = told[-1] if told else None
        if last is not None and change[0] == last[0] and change[0] in KEPT:
            consumed = None if change[3] is None else change[3] + last[3]
            told[-1] = (change[0], last[1], change[2], consumed, change[4])
        else:
            told.append(change)
    return told


def of_outcome(outcome, frequency):
    """What the second implementation says came of an input."""
    plain = [it for it in outcome.awards if it.at is None]
    ticks = [it for it in outcome.awards if it.at is not None]
    return {
        "days": [outcome.day.isoformat()] if outcome.day else [],
        "achievements": outcome.achievements,
        "awards": [(it.system, it.trigger, it.awarded, it.boosts, it.total) for it in plain],
        "ticks": (
            Counter((it.system, it.trigger, it.awarded, it.boosts) for it in ticks),
            {(it.system, it.trigger): it.at for it in ticks},
        ),
        "levels": [tuple(it) for it in outcome.levels],
        "boosts": [tuple(it) for it in outcome.turns],
        "streaks": {
            it: merged(changes_of_outcome(outcome.streaks, it, frequency)) for it in FREQUENCIES
        },
    }


def changes_of_outcome(streaks, frequency, used):
    for it in streaks:
        if isinstance(it, Freezes):
            if frequency == used:
                yield it.change, it.amount, it.left, it.day.isoformat()
        elif isinstance(it, Frozen):
            if it.change.frequency == frequency:
                period = it.change.period.isoformat()
                yield "frozen", period, period, 1, it.left
        elif it.frequency == frequency:
            yield plain_change(it)


def plain_change(it: StreakChange):
    period = it.period.isoformat()
    if it.change == "paused":
        return "paused", period, period, None, None
    if it.change == "lost":
        return "lost", it.lost
    if it.change == "restored":
        return "restored", it.length
    return it.change, it.length, period


# Where a user stands


def of_state(state, *, freezes):
    """The streak as an answer of the engine shows it."""
    streak = state["streak"]
    names = ("length", "started", "periodStart", "periodEnd", "expires")
    return [streak[name] for name in names], streak.get("freezes") if freezes else None


def of_shown(shown, user, *, freezes):
    """The streak as the second implementation would show it."""
    told = [shown.length, *(it and it.isoformat() for it in shown[1:])]
    return told, user.freezes if freezes else None


def of_standing(standing, rules):
    """What the engine knows of a user; of subtotals only what both count from the beginning."""
    if standing is None:
        return None
    tracks = [standing["streaks"].get(it, {"length": 0, "started": None}) for it in FREQUENCIES]
    return {
        "time": datetime.fromisoformat(standing["time"]),
        "totals": not_nothing(
            {
                series: tuple(map(Decimal, pair))
                for series, pair in standing["series"].items()
                if "?" not in series or series in whole(rules, standing.get("known", 1))
            }
        ),
        "streaks": [(it["length"], it["started"], it.get("longest", 0)) for it in tracks],
        "achievements": {
            key: datetime.fromisoformat(at) for key, at in standing["achievements"].items()
        },
        "points": standing["points"],
        "attributes": standing["attributes"],
        "tz": standing["tz"],
        "freezes": standing.get("freezes", 0),
        "pauses": sorted(
            (it["id"], it["start"], it["end"])
            for it in standing.get("pauses", ())
            if it["end"] >= standing["time"][:10]
        ),
        "preferences": {
            name: {it["metric"]: Decimal(it["threshold"]) for it in value}
            if name == "metrics"
            else value
            for name, value in standing.get("preferences", {}).items()
        },
    }


def of_user(user, rules):
    """What the second implementation knows of a user."""
    if user is None:
        return None
    tracks = [user.streaks[frequency] for frequency in FREQUENCIES]
    counted: set[Counted] = {(metric, frozenset()) for metric in user.totals}
    counted |= set(whole(rules, user.known).values())
    return {
        "time": user.now,
        "totals": not_nothing(
            {name(what): (user.total(what), user.peak(what)) for what in counted}
        ),
        "streaks": [
            (it.length, it.started and it.started.isoformat(), it.longest) for it in tracks
        ],
        "achievements": user.achievements,
        "points": user.points,
        "attributes": user.attributes,
        "tz": user.tz,
        "freezes": user.freezes,
        "pauses": sorted(
            (it.id, it.start.isoformat(), it.end.isoformat())
            for it in user.pauses
            if it.end >= user.now.date()
        ),
        "preferences": {
            name: {it["metric"]: Decimal(str(it["threshold"])) for it in value}
            if name == "metrics"
            else value
            for name, value in user.preferences.items()
        },
    }


def whole(rules, known):
    """The filters whose subtotal is known from the beginning, by the name of their series."""
    return {name(what): what for what, since in rules.since.items() if what[1] and since <= known}


def not_nothing(totals):
    """The totals without those of which nothing is known."""
    return {series: pair for series, pair in totals.items() if any(pair)}


def name(what):
    metric, wanted = what
    return f"{metric}?{filter_id(dict(wanted))}" if wanted else metric
