"""The limits of definitions: the largest that is accepted, and what is beyond is refused whole.

What is refused is refused where a person meets it: as a file, with the line of the field.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import yaml
from given import event, every, game, given
from wild import EVERYTHING, changed

from ops.game_file import GameFileError, read_game
from processor.rules.compiling import compile_version
from schemas.codec import VERSION_BYTES_MAX, VersionTooLargeError, write_version
from schemas.definitions import Definitions, limits, problems
from schemas.versions import succeed

AT = datetime(2026, 3, 2, tzinfo=UTC)
WHOLE = 2**53 - 1
LARGEST = "9" * 15 + "." + "9" * 18

METRIC, ATTRIBUTE = EVERYTHING["metrics"][0], EVERYTHING["attributes"][0]
CONDITION = EVERYTHING["streak"]["metrics"][0]
ACHIEVEMENT, SYSTEM = EVERYTHING["achievements"][2], EVERYTHING["points"][0]
TRIGGER, BOOST, LEVEL = SYSTEM["triggers"][1], SYSTEM["boosts"][1], SYSTEM["levels"][0]


def refused(tmp_path, told):
    """Return what is said of a game as a file: (the line's text, the message) of each problem."""
    file = tmp_path / "game.yaml"
    file.write_text(yaml.safe_dump(told, sort_keys=False, allow_unicode=True), encoding="utf-8")
    lines = file.read_text(encoding="utf-8").split("\n")
    with pytest.raises(GameFileError) as caught:
        read_game(file)
    assert str(caught.value).startswith(f"{file}:")
    return [(lines[it.line - 1], it.message) for it in caught.value.problems]


def accepted(told):
    """Tell that definitions are well-formed, and can be judged by."""
    compile_version(succeed(None, Definitions.model_validate(told), "default", AT))


@pytest.mark.parametrize(
    ("path", "most", "beyond"),
    [
        ("achievements.1.streakLength", WHOLE, WHOLE + 1),
        ("points.0.maxPoints", WHOLE, WHOLE + 1),
        ("points.0.maxPoints", 1, -WHOLE - 1),
        ("points.0.levels.0.points", WHOLE, WHOLE + 1),
        ("points.0.levels.0.points", 0, -1),
        ("points.0.triggers.0.metricThreshold", WHOLE, WHOLE + 1),
        ("points.0.triggers.1.streakLength", WHOLE, WHOLE + 1),
        ("points.0.triggers.1.points", 10**12, 10**12 + 1),
        ("points.0.triggers.1.points", -(10**12), -(10**12) - 1),
        ("points.0.triggers.3.timeInterval", 100_000, 100_001),
        ("streak.maxFreezes", 100, 101),
        ("streak.freezeAutoEarnInterval", 365, 366),
        ("streak.freezeAutoEarnAmount", 10, 11),
        ("metrics.0.defaultIncrementValue", LARGEST, "1" + "0" * 15),
        ("metrics.0.defaultIncrementValue", f"-{LARGEST}", "-1" + "0" * 15),
        ("metrics.0.defaultIncrementValue", 10**15 - 1, 10**15),
        ("achievements.0.metricValue", LARGEST, "1E+15"),
        ("achievements.0.metricValue", "0." + "0" * 17 + "1", "0." + "0" * 18 + "1"),
        ("streak.metrics.0.threshold", LARGEST, 10**15),
        ("streak.metrics.0.threshold", "1E-18", "1E-19"),
        ("points.0.boosts.0.multiplier", "99." + "9" * 18, "99." + "9" * 19),
        ("points.0.boosts.0.multiplier", "0.5", 100),
        ("points.0.boosts.0.start", "1900-01-01", "1899-12-31"),
        ("points.0.boosts.0.end", "8999-12-31", "9000-01-01"),
        ("metrics.0.name", "n" * 255, "n" * 256),
        ("metrics.0.units", "u" * 255, "u" * 256),
        ("metrics.0.description", "d" * 4096, "d" * 4097),
        ("achievements.0.description", "d" * 4096, "d" * 4097),
        ("achievements.0.badgeUrl", "u" * 2048, "u" * 2049),
        ("points.0.badge.url", "u" * 2048, "u" * 2049),
        ("points.0.badge.url", "u", ""),
        ("points.0.levels.0.description", "d" * 4096, "d" * 4097),
        ("points.0.boosts.1.userId", "i" * 255, "i" * 256),
        ("achievements.0.eventAttributes.kind", "v" * 1024, "v" * 1025),
        ("metrics.0.key", "k" * 255, "k" * 256),
    ],
)  # fmt: skip
def test_beyond_its_limit_a_field_is_refused_with_its_line(tmp_path, path, most, beyond):
    accepted(changed(path, most))
    ((line, message),) = refused(tmp_path, changed(path, beyond))
    name = path.rpartition(".")[2]
    assert line.strip().removeprefix("- ").startswith(f"{name}:")
    assert message.startswith(f"{name}: ")


@pytest.mark.parametrize(
    "path",
    [
        "settings.defaultTimeZone",
        "metrics.0.key",
        "metrics.0.name",
        "metrics.0.description",
        "metrics.0.units",
        "attributes.0.key",
        "attributes.0.name",
        "streak.metrics.0.metric",
        "achievements.0.name",
        "achievements.0.description",
        "achievements.0.badgeUrl",
        "achievements.0.metric",
        "achievements.0.eventAttributes.kind",
        "achievements.0.userAttributes.team",
        "achievements.3.achievements.0",
        "points.0.key",
        "points.0.name",
        "points.0.description",
        "points.0.badge.url",
        "points.0.triggers.0.userAttributes.team",
        "points.0.triggers.2.achievement",
        "points.0.boosts.0.name",
        "points.0.boosts.1.userId",
        "points.0.boosts.0.userAttributes.team",
        "points.0.levels.0.description",
        "points.0.levels.0.badge.url",
    ],
)
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\0b", "must not contain the character U+0000"),
        (5, "must be a text: put it in quotes"),
        (True, "must be a text: put it in quotes"),
        (["a"], "must be a text: put it in quotes"),
    ],
)
def test_what_postgres_has_no_room_for_and_what_is_none_is_no_text(tmp_path, path, text, said):
    ((_, message),) = refused(tmp_path, changed(path, text))
    assert message.endswith(said)


@pytest.mark.parametrize("path", ["metrics.0.name", "points.0.boosts.1.userId"])
def test_half_of_a_character_is_no_text(path):
    # A file cannot have one: neither UTF-8 nor YAML's escapes do. JSON's escapes do.
    told = json.loads(json.dumps(changed(path, "a\ud800b")))
    with pytest.raises(ValueError, match="must not contain a lone surrogate"):
        Definitions.model_validate(told)


@pytest.mark.parametrize("key", ["a\0", "a b", "", 5, "k" * 256])
@pytest.mark.parametrize(
    "path",
    [
        "achievements.0.eventAttributes",
        "achievements.0.userAttributes",
        "points.0.triggers.0.eventAttributes",
        "points.0.boosts.0.userAttributes",
    ],
)
def test_a_filter_names_attributes_by_keys(tmp_path, path, key):
    ((_, message),) = refused(tmp_path, changed(path, {key: "x"}))
    assert message.startswith(f"the name {key!r}: ")


def test_a_filter_has_no_more_attributes_than_an_event(tmp_path):
    path = "achievements.0.eventAttributes"
    accepted(changed(path, {f"a{it}": "x" for it in range(100)}))
    ((line, _),) = refused(tmp_path, changed(path, {f"a{it}": "x" for it in range(101)}))
    assert line.strip() == "eventAttributes:"


NUMBERS = [
    "metrics.0.defaultIncrementValue",
    "streak.metrics.0.threshold",
    "streak.maxFreezes",
    "achievements.0.metricValue",
    "achievements.1.streakLength",
    "points.0.maxPoints",
    "points.0.triggers.0.points",
    "points.0.triggers.3.timeInterval",
    "points.0.boosts.0.multiplier",
    "points.0.levels.0.points",
    "settings.controlRatio",
]


@pytest.mark.parametrize("path", NUMBERS)
@pytest.mark.parametrize(
    "value",
    [True, False, float("nan"), float("inf"), float("-inf"), "ten", "1_000", "1:30", "010", "0x10",
     "", " 1", "NaN", [1], {"a": 1}],
)  # fmt: skip
def test_what_is_no_number_is_none(tmp_path, path, value):
    ((_, message),) = refused(tmp_path, changed(path, value))
    assert message.startswith(f"{path.rpartition('.')[2]}: ")


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("path", NUMBERS)
def test_a_number_with_thousands_of_digits_is_refused(path, sign):
    value = sign * 10**5000
    with pytest.raises(ValueError, match=path.rpartition(".")[2]):
        Definitions.model_validate(changed(path, value))


@pytest.mark.parametrize(
    "path", ["streak.maxFreezes", "points.0.triggers.0.points", "points.0.levels.0.points"]
)
@pytest.mark.parametrize("value", [5.0, "5", Decimal(5), 1.5])
def test_a_whole_number_is_written_as_one(path, value):
    with pytest.raises(ValueError, match="must be a whole number such as 10"):
        Definitions.model_validate(changed(path, value))


@pytest.mark.parametrize("path", ["streak.enabled", "points.0.triggers.0.blockIfOutOfPoints"])
@pytest.mark.parametrize("value", [1, 0, "true", "yes", None, 1.0])
def test_only_true_and_false_are(tmp_path, path, value):
    ((_, message),) = refused(tmp_path, changed(path, value))
    assert message.endswith("must be true or false")


@pytest.mark.parametrize(
    "value",
    [20260131, 0, 1.5, True, "20260131", "31.1.2026", "2026-1-31", "2026-01-31T00:00:00Z",
     "2026-01-31 00:00:00", "today", datetime(2026, 1, 31, tzinfo=UTC)],
)  # fmt: skip
def test_a_date_is_written_as_one(value):
    with pytest.raises(ValueError, match="must be a date such as 2026-01-31"):
        Definitions.model_validate(changed("points.0.boosts.0.start", value))


def test_a_list_is_none_that_has_no_order():
    with pytest.raises(ValueError, match="valid list"):
        Definitions.model_validate(changed("achievements.3.achievements", {"ten", "week"}))


def test_a_decimal_is_kept_as_it_is_written(tmp_path):
    file = tmp_path / "game.yaml"
    text = "metrics: [{key: a, name: A, defaultIncrementValue: 123456789012345.123456789012345678}]"
    file.write_text(text)
    (metric,) = read_game(file).metrics
    assert metric.defaultIncrementValue == Decimal("123456789012345.123456789012345678")


def test_zero_is_zero_whatever_its_exponent():
    told = changed("metrics.0.defaultIncrementValue", "0E+999999999")
    (metric,) = Definitions.model_validate(told).metrics
    assert str(metric.defaultIncrementValue) == "0"


# Counts


def many(item, count, name="key"):
    """Return so many of an item, each with a key of its own, and levels with their own points."""
    found = [{**item, name: f"k{index}"} for index in range(count)]
    return [{**it, "points": 10 + at} if item is LEVEL else it for at, it in enumerate(found)]


@pytest.mark.parametrize(
    ("path", "item", "most"),
    [
        ("metrics", METRIC, 1000),
        ("attributes", ATTRIBUTE, 1000),
        ("achievements", ACHIEVEMENT, 1000),
        ("points", {"name": "P"}, 100),
        ("points.0.triggers", TRIGGER, 1000),
        ("points.0.boosts", BOOST, 1000),
        ("points.0.levels", LEVEL, 1000),
    ],
)
def test_a_list_has_an_end(path, item, most):
    told = game().model_dump() if "." not in path else EVERYTHING
    whole = changed(path, many(item, most)) if told is EVERYTHING else {path: many(item, most)}
    assert problems(Definitions.model_validate(whole)) == []
    more = many(item, most + 2)
    whole = changed(path, more) if told is EVERYTHING else {path: more}
    (problem,) = problems(Definitions.model_validate(whole))
    assert ".".join(map(str, problem.path)) == f"{path}.{most}"
    word = "points systems" if path == "points" else path.rpartition(".")[2]
    assert problem.message == f"there are {most + 2} {word}, and at most {most} may be"


def test_a_list_that_is_too_long_is_refused_with_the_line_of_the_first_too_many(tmp_path):
    ((line, message),) = refused(tmp_path, {"metrics": many({"name": "M"}, 1001)})
    assert (line, message) == ("- name: M", "there are 1001 metrics, and at most 1000 may be")


def test_what_is_archived_is_not_counted():
    old = [{**it, "archived": True} for it in many(METRIC, 1500)]
    assert problems(Definitions.model_validate({"metrics": [*old, METRIC]})) == []
    system = {**SYSTEM, "archived": True, "levels": many(LEVEL, 1001)}
    assert problems(Definitions.model_validate({**EVERYTHING, "points": [system]})) == []


def test_the_conditions_of_the_streak_have_an_end(tmp_path):
    path = "streak.metrics"
    accepted(changed(path, many(CONDITION, 100, "metric")))
    ((line, _),) = refused(tmp_path, changed(path, many(CONDITION, 101, "metric")))
    assert line.strip() == "metrics:"


def test_the_parts_of_an_achievement_have_an_end(tmp_path):
    path = "achievements.3.achievements"
    accepted(changed(path, ["ten"] * 1000))
    ((line, _),) = refused(tmp_path, changed(path, ["ten"] * 1001))
    assert line.strip() == "achievements:"


def test_no_more_different_filters_are_counted_than_a_backfill_can_tell():
    def filtered(count):
        triggers = [
            {"metricThreshold": 1, "points": 1, "eventAttributes": {"kind": str(index % count)}}
            for index in range(1000)
        ]
        more = [{**it, "eventAttributes": {"kind": "more"}} for it in triggers[:10]]
        points = {"xp": {"triggers": triggers}, "care": {"triggers": more}}
        return game(event=["kind"], points=points)

    assert problems(filtered(999)) == []
    (problem,) = problems(filtered(1000))
    assert problem.path == ("points", 1, "triggers", 0, "eventAttributes")
    assert "1001 different filters" in problem.message


def test_achievements_that_are_parts_of_each_other_are_told_apart_quickly():
    keys = [f"k{index}" for index in range(1000)]
    made = [
        {"key": key, "trigger": "achievement", "achievements": keys[:at]} if at else {"key": key}
        for at, key in enumerate(keys)
    ]
    assert problems(game(achievements=made)) == []


# Time


@pytest.mark.parametrize("interval", [{"hours": 100_000}, {"days": 100_000}])
@pytest.mark.parametrize("at", ["1900-01-01T00:00:00Z", "8999-12-31T23:59:59Z"])
def test_the_longest_interval_ends_within_the_calendar(interval, at):
    rules = game(points={"xp": {"triggers": [every(1, **interval)]}})
    given(rules, founded=at).when(event(at=at)).then_state(time=at)
    result = given(rules, event(at="2026-03-02")).when(event(at="8999-12-31T23:59:59Z"))
    result.then_state(time="8999-12-31T23:59:59Z")


# Bytes


def fat(count):
    """Return definitions of about so many bytes, far from every other limit."""
    return game(
        achievements=[{"key": f"a{it}", "description": "d" * 4000} for it in range(count // 4100)]
    )


def test_a_version_that_does_not_fit_into_a_record_is_not_written():
    assert len(write_version(succeed(None, fat(950_000), "default", AT))) <= VERSION_BYTES_MAX
    with pytest.raises(VersionTooLargeError, match=r"1,0\d\d,\d{3} bytes and may have 1,000,000"):
        write_version(succeed(None, fat(1_050_000), "default", AT))


def test_a_file_that_does_not_fit_into_a_record_is_refused(tmp_path):
    told = fat(1_050_000).model_dump(mode="json", exclude={"achievements": {"__all__": "archived"}})
    ((_, message),) = refused(tmp_path, {"achievements": told["achievements"]})
    assert "may have 1,000,000" in message


def test_the_largest_of_everything_is_refused_and_breaks_nothing():
    systems = [
        {**SYSTEM, "key": f"s{it}", "triggers": many(TRIGGER, limits.ITEMS_MAX)} for it in range(20)
    ]
    whole = Definitions.model_validate({**EVERYTHING, "points": systems})
    assert problems(whole) == []
    with pytest.raises(VersionTooLargeError):
        write_version(succeed(None, whole, "default", AT))
