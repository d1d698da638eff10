"""Versions of definitions: how a newer file follows the one before it."""

from datetime import UTC, datetime

from given import game, per

from schemas.versions import Stamp, succeed, with_archived

JANUARY = datetime(2026, 1, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)

FIRST = game(
    ["commits", "lines"],
    event=["kind"],
    user=["kind", "team"],
    achievements=[{"key": "one", "metricValue": 1}],
    points={
        "xp": {
            "levels": {"low": 1, "high": 9},
            "triggers": [{"points": 5}, {"metricThreshold": 1, "points": 1}],
        },
        "care": per(1, 1),
    },
)


def keys(items):
    """Return the keys in order, those of archived items in brackets."""
    return [f"({it.key})" if it.archived else it.key for it in items]


def test_the_first_version_is_number_one_and_follows_none():
    version = succeed(None, FIRST, "acme", JANUARY)
    assert (version.tenant, version.version, version.parent) == ("acme", 1, 0)
    assert (version.at, version.definitions) == (JANUARY, FIRST)


def test_the_next_version_names_its_parent():
    first = succeed(None, FIRST, "acme", JANUARY)
    second = succeed(first, FIRST, "acme", JUNE)
    assert (second.version, second.parent, second.definitions) == (2, 1, FIRST)


def test_what_a_newer_file_leaves_out_is_kept_as_archived():
    newer = game(["lines", "stars"], user=["team"], points={"xp": {"triggers": [{"points": 5}]}})
    merged = with_archived(FIRST, newer)
    assert keys(merged.metrics) == ["lines", "stars", "(commits)"]
    assert [(it.type, it.key, it.archived) for it in merged.attributes] == [
        ("user", "team", False),
        ("event", "kind", True),
        ("user", "kind", True),
    ]
    assert keys(merged.achievements) == ["(one)"]
    assert keys(merged.points) == ["xp", "(care)"]
    assert keys(merged.points[0].triggers) == ["t0", "(t1)"]
    assert keys(merged.points[0].levels) == ["(low)", "(high)"]


def test_what_comes_back_is_not_archived_any_more():
    without = succeed(succeed(None, FIRST, "acme", JANUARY), game(), "acme", JUNE)
    back = succeed(without, FIRST, "acme", JULY)
    assert back.definitions == FIRST


def test_what_was_archived_stays_so_over_many_versions():
    version = succeed(None, FIRST, "acme", JANUARY)
    for _ in range(3):
        version = succeed(version, game(["lines"]), "acme", JUNE)
    assert keys(version.definitions.metrics) == ["lines", "(commits)"]


def test_a_trigger_keeps_the_time_of_its_creation_and_notes_its_changes():
    first = succeed(None, FIRST, "acme", JANUARY)
    changed = game(
        ["commits", "lines"],
        points={
            "xp": {
                "triggers": [
                    {"points": 6},
                    {"metricThreshold": 1, "points": 1},
                    {"key": "new", "points": 1},
                ]
            }
        },
    )
    assert succeed(first, changed, "acme", JUNE).stamps == {
        "xp/t0": Stamp(created=JANUARY, updated=JUNE, activated=JANUARY),
        "xp/t1": Stamp(created=JANUARY, updated=JANUARY, activated=JANUARY),
        "xp/new": Stamp(created=JUNE, updated=JUNE, activated=JUNE),
        # Its system was left out; the trigger itself says the same as before.
        "care/t0": Stamp(created=JANUARY, updated=JANUARY),
    }


def test_archiving_a_trigger_is_a_change_of_it():
    first = succeed(None, FIRST, "acme", JANUARY)
    without = game(points={"xp": {"triggers": [{"points": 5}]}})
    stamps = succeed(first, without, "acme", JUNE).stamps
    assert stamps["xp/t0"].updated == JANUARY
    assert stamps["xp/t1"] == Stamp(created=JANUARY, updated=JUNE)
