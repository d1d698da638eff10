"""docs/reference/rules.md against the code: every example is played, every rule's file is named."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from given import Decided, given, kind_of
from msgspec import UNSET, to_builtins
from wording.inputs import sent

from processor.rules.left import Refused
from schemas.definitions import Definitions, problems
from schemas.entries import (
    AchievementEntry,
    BoostEntry,
    CorrectionEntry,
    FreezesEntry,
    LevelEntry,
    PausesEntry,
    PointsEntry,
    PreferencesEntry,
    StreakEntry,
    TotalEntry,
    UserEntry,
)
from schemas.numbers import write

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "rules.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^### (.+?)$.*?^```yaml\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
# What carries a rule out but is none: users' states, the order of the rules, compiled definitions.
NO_RULES = {
    "__init__.py",
    "attributes.py",
    "commands.py",
    "compiling.py",
    "compiling_points.py",
    "decide.py",
    "decision.py",
    "evolve.py",
    "goals.py",
    "left.py",
    "ruleset.py",
    "triggers.py",
    "user_state.py",
}


@pytest.mark.parametrize(
    "text", [text for _, text in EXAMPLES], ids=[title for title, _ in EXAMPLES]
)
def test_an_example_says_what_the_engine_does(text):
    example = yaml.safe_load(text)
    assert example.keys() == {"game", "story", "then"}
    definitions = Definitions.model_validate(example["game"])
    assert problems(definitions) == []
    assert sentences(play(definitions, example["story"])) == example["then"]


def test_every_rule_is_on_the_page_with_an_example():
    files = {path.name for path in (ROOT / "processor" / "rules").glob("*.py")}
    sections = dict(re.findall(r"^## (.+?)$(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))
    documented = {
        name
        for section in sections.values()
        for name in re.findall(r"`processor/rules/(\w+\.py)`", section)
        if "```yaml" in section
    }
    assert documented == files - NO_RULES


def play(definitions, story):
    """Return what the last line of a story leads to: its entries, or why there are none."""
    user, outcome = given(definitions), None
    lines = [line.split(" | ") for line in story]
    for at, does in lines:
        instant = datetime.fromisoformat(f"{at}+00:00")
        outcome = user.try_(sent(_words(does.split(), instant, lines), instant))
    if isinstance(outcome, Decided):
        return outcome.entries
    return outcome.reason if isinstance(outcome, Refused) else "nothing"


def _words(words, at, lines):
    verb, *rest = words
    found: dict[str, Any] = {"user": "ada"}
    plain = [it for it in rest if "=" not in it]
    pairs = dict(it.split("=") for it in rest if "=" in it)
    match verb:
        case "is":
            user = {"id": "ada", "attributes": pairs}
            if plain:
                user["tz"] = plain[0]
            found |= {"type": "user", "user": user}
        case "completes":
            found |= {"type": "achievement", "achievement": plain[0]}
        case "due":
            found |= {"type": "due", "at": at.isoformat()}
        case "granted":
            found |= {"type": "adjustment", "system": plain[0], "points": int(plain[1])}
            found["reason"] = " ".join(plain[2:])
        case "freeze":
            found |= {"type": "freeze"}
        case "pause":
            found |= {"type": "pause", "id": "p", "start": plain[0], "end": plain[2]}
        case "restore":
            found |= {"type": "restore"}
        case "prefers":
            streak = {"enabled": False} if plain == ["off"] else {"evaluationMode": plain[0]}
            found |= {"type": "preferences", "streak": streak}
        case "correct":
            # correct line 2 to 5 because of a typing error
            then, does = lines[int(plain[1]) - 1]
            metric, was = does.split()[:2]
            found |= {"type": "correction", "event": "0-0-1", "metric": metric, "was": was}
            found |= {"at": f"{then}+00:00", "value": float(plain[3]), "reason": "a mistake"}
        case metric:
            found |= {"metric": metric, "value": float(plain[0]) if plain else 1}
            found |= {"attributes": pairs} if pairs else {}
            if len(plain) > 1:
                # runs 1 of 2026-03-02: it comes late
                found["occurredAt"] = f"{plain[2]}T12:00:00Z"
    return found


def sentences(outcome):
    """Return entries as the sentences of the page; what nobody is notified of is left out."""
    if isinstance(outcome, str):
        return [outcome]
    return [
        _sentence(entry)
        for entry in outcome
        if kind_of(entry) not in ("due", "progress") and not getattr(entry, "quiet", False)
    ]


def _sentence(entry):  # noqa: C901, PLR0911, PLR0912  one sentence for each kind of entry
    match entry:
        case UserEntry(created=True):
            return "a new user"
        case UserEntry():
            zone = None if entry.tz is UNSET else entry.tz
            return f"the user is {zone or entry.attributes}"
        case TotalEntry():
            subtotals = [f", {name} {write(it)}" for name, it in entry.subtotals.items()]
            return f"{entry.metric} {write(entry.total)}{''.join(subtotals)}"
        case StreakEntry(change="lost"):
            return f"the streak of {entry.lost} is lost"
        case StreakEntry(change="frozen"):
            used = f"{entry.consumed} used, {entry.freezes} left"
            return f"the streak stays {entry.length} (freezes: {used})"
        case StreakEntry():
            return f"the streak is {entry.change}: {entry.length}"
        case FreezesEntry():
            return f"freezes are {entry.change}: {entry.freezes}"
        case PausesEntry():
            return f"pauses: {len(entry.pauses)}"
        case PreferencesEntry():
            return f"preferences {to_builtins(entry.streak)}"
        case AchievementEntry():
            return f"{entry.achievement} is completed"
        case PointsEntry():
            return _award(entry)
        case LevelEntry():
            return f"level {entry.before} -> {entry.after}"
        case CorrectionEntry():
            return f"{write(entry.before)} becomes {write(entry.after)}"
        case BoostEntry():
            return f"the boost {entry.boost} has {entry.change}"
    raise AssertionError(f"the page has no words for {entry}")


def _award(entry):
    why = entry.trigger or entry.reason
    boosts = f" with {', '.join(entry.boosts)}" if entry.boosts else ""
    times = f", {entry.count} times" if entry.count else ""
    return f"{entry.awarded:+} {entry.system} by {why}{boosts}{times}, total {entry.total}"
