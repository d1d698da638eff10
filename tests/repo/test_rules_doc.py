"""docs/reference/rules.md against the code: every example is played, every rule's file is named."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from processor.rules.decide import NothingToDoError, RefusedError, decide
from processor.rules.game import compile_game
from schemas.definitions import Definitions, problems
from schemas.events import read_input

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "rules.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^### (.+?)$.*?^```yaml\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
# What carries a rule out but is none: the standing, the order of the rules, compiled definitions.
NO_RULES = {"__init__.py", "course.py", "decide.py", "game.py", "others.py", "standing.py"}


@pytest.mark.parametrize(
    "text", [text for _, text in EXAMPLES], ids=[title for title, _ in EXAMPLES]
)
def test_an_example_says_what_the_engine_does(text):
    example = yaml.safe_load(text)
    assert example.keys() == {"game", "story", "then"}
    definitions = Definitions.model_validate(example["game"])
    assert problems(definitions) == []
    assert told(play(definitions, example["story"])) == example["then"]


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
    game, standing = compile_game(definitions, 1), None
    outcome: Any = None
    lines = [line.split(" | ") for line in story]
    for at, does in lines:
        instant = datetime.fromisoformat(f"{at}+00:00")
        given: Any = read_input(_json(does.split(), instant, lines))
        try:
            verdict = decide(standing, given, instant, game)
        except RefusedError as refusal:
            outcome = str(refusal)
        except NothingToDoError:
            outcome = "nothing"
        else:
            outcome, standing = verdict.entries, verdict.standing
    return outcome


def _json(words, at, lines):  # noqa: C901  one case for each thing that can be done
    verb, *rest = words
    told_: dict[str, Any] = {"user": "ada"}
    plain = [it for it in rest if "=" not in it]
    pairs = dict(it.split("=") for it in rest if "=" in it)
    match verb:
        case "is":
            user = {"id": "ada", "attributes": pairs}
            if plain:
                user["tz"] = plain[0]
            told_ |= {"type": "user", "user": user}
        case "completes":
            told_ |= {"type": "achievement", "achievement": plain[0]}
        case "due":
            told_ |= {"type": "due", "at": at.isoformat()}
        case "granted":
            told_ |= {"type": "adjustment", "system": plain[0], "points": int(plain[1])}
            told_["reason"] = " ".join(plain[2:])
        case "freeze":
            told_ |= {"type": "freeze"}
        case "pause":
            told_ |= {"type": "pause", "id": "p", "start": plain[0], "end": plain[2]}
        case "restore":
            told_ |= {"type": "restore"}
        case "prefers":
            streak = {"enabled": False} if plain == ["off"] else {"evaluationMode": plain[0]}
            told_ |= {"type": "preferences", "streak": streak}
        case "correct":
            # correct line 2 to 5 because of a typing error
            then, does = lines[int(plain[1]) - 1]
            metric, was = does.split()[:2]
            told_ |= {"type": "correction", "event": "0-0-1", "metric": metric, "was": was}
            told_ |= {"at": f"{then}+00:00", "value": float(plain[3]), "reason": "a mistake"}
        case metric:
            told_ |= {"metric": metric, "value": float(plain[0]) if plain else 1}
            told_ |= {"attributes": pairs} if pairs else {}
            if len(plain) > 1:
                # runs 1 of 2026-03-02: it comes late
                told_["occurredAt"] = f"{plain[2]}T12:00:00Z"
    return orjson.dumps(told_)


def told(outcome):
    """Return entries as the sentences of the page; what nobody is told of is left out."""
    if isinstance(outcome, str):
        return [outcome]
    return [
        _sentence(entry)
        for entry in outcome
        if entry["kind"] not in ("due", "progress") and not entry.get("quiet")
    ]


def _sentence(entry):  # noqa: C901, PLR0911, PLR0912  one sentence for each kind of entry
    match entry:
        case {"kind": "user", "created": True}:
            return "a new user"
        case {"kind": "user"}:
            return f"the user is {entry.get('tz') or entry['attributes']}"
        case {"kind": "total"}:
            subtotals = [f", {name} {it}" for name, it in entry.get("subtotals", {}).items()]
            return f"{entry['metric']} {entry['total']}{''.join(subtotals)}"
        case {"kind": "streak", "change": "lost"}:
            return f"the streak of {entry['lost']} is lost"
        case {"kind": "streak", "change": "frozen"}:
            used = f"{entry['consumed']} used, {entry['freezes']} left"
            return f"the streak stays {entry['length']} (freezes: {used})"
        case {"kind": "streak"}:
            return f"the streak is {entry['change']}: {entry['length']}"
        case {"kind": "freezes"}:
            return f"freezes are {entry['change']}: {entry['freezes']}"
        case {"kind": "pauses"}:
            return f"pauses: {len(entry['pauses'])}"
        case {"kind": "preferences"}:
            return f"preferences {entry['streak']}"
        case {"kind": "achievement"}:
            return f"{entry['achievement']} is completed"
        case {"kind": "points"}:
            return _award(entry)
        case {"kind": "level"}:
            return f"level {entry['before']} -> {entry['after']}"
        case {"kind": "correction"}:
            return f"{entry['before']} becomes {entry['after']}"
        case {"kind": "boost"}:
            return f"the boost {entry['boost']} has {entry['change']}"
    raise AssertionError(f"the page has no words for {entry}")


def _award(entry):
    why = entry["trigger"] or entry["reason"]
    boosts = f" with {', '.join(entry['boosts'])}" if "boosts" in entry else ""
    times = f", {entry['count']} times" if "count" in entry else ""
    return f"{entry['awarded']:+} {entry['system']} by {why}{boosts}{times}, total {entry['total']}"
