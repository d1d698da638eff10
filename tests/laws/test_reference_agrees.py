"""The engine and the second implementation say the same of every event of every random history.

The reference was written from the description of the rules alone; where the two differ, the
description decides who is wrong.
"""

from decimal import Decimal

from hypothesis import given
from laws.games import Log, games, histories, law, users_of
from reference.game import Game

FREQUENCIES = ("daily", "weekly", "monthly")


@law
@given(games(), histories())
def test_the_engine_and_the_reference_agree_after_every_event(definitions, story):
    agree(definitions, story)


@law
@given(games(), histories(users=("ada",), length=20, flights=6))
def test_they_agree_on_one_who_flies_around_the_world(definitions, story):
    agree(definitions, story)


def agree(definitions, story):
    log, reference = Log(definitions), Game(plain(definitions))
    for event, appended in story:
        user = event["user"] if isinstance(event["user"], str) else event["user"]["id"]
        record, expected = log.tell(event, appended), reference.play(event, appended)
        assert record["outcome"] == expected.status, record.get("reason")
        assert concluded(record) == {
            "achievements": expected.achievements,
            "awards": [tuple(award) for award in expected.awards],
            "levels": [tuple(change) for change in expected.levels],
        }
        if expected.status != "refused":
            assert Decimal(record["state"]["total"]) == expected.total
            assert record["state"]["streak"]["length"] == expected.streak.length
        if expected.status == "applied":
            assert extended(record, definitions.streak.frequency) == expected.streak.extended
        compare(log, reference, user)
    for user in users_of(story):
        compare(log, reference, user)


def compare(log, reference, user):
    expected = reference.users.get(("default", user))
    assert of_engine(log.standing(user)) == of_reference(expected)


def plain(definitions):
    """The definitions as the reference reads them."""
    return definitions.model_dump(exclude_none=True)


def concluded(record):
    """What a record says came of its event."""
    entries = record["entries"]
    return {
        "achievements": [it["achievement"] for it in entries if it["kind"] == "achievement"],
        "awards": [
            (it["system"], it["trigger"], it["awarded"], it["total"])
            for it in entries
            if it["kind"] == "points"
        ],
        "levels": [
            (it["system"], it["before"], it["after"]) for it in entries if it["kind"] == "level"
        ],
    }


def extended(record, frequency):
    """Whether an event started or lengthened the streak of a frequency."""
    return any(
        it["kind"] == "streak"
        and it["frequency"] == frequency
        and it["change"] in ("started", "extended")
        for it in record["entries"]
    )


def of_engine(standing):
    """What the engine knows of a user."""
    if standing is None:
        return None
    tracks = [standing["streaks"].get(it, {"length": 0, "started": None}) for it in FREQUENCIES]
    return {
        "totals": {
            series: Decimal(total)
            for series, (total, _) in standing["series"].items()
            if "?" not in series
        },
        "streaks": [(track["length"], track["started"]) for track in tracks],
        "achievements": list(standing["achievements"]),
        "points": standing["points"],
        "attributes": standing["attributes"],
        "tz": standing["tz"],
    }


def of_reference(user):
    """What the reference knows of a user."""
    if user is None:
        return None
    tracks = [user.streaks[frequency] for frequency in FREQUENCIES]
    return {
        "totals": user.totals,
        "streaks": [(it.length, it.started and it.started.isoformat()) for it in tracks],
        "achievements": list(user.achievements),
        "points": user.points,
        "attributes": user.attributes,
        "tz": user.tz,
    }
