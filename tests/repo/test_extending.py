"""The page on extending: its files exist, and a kind that nobody handles fails the checks."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/extending.md"
ROOMS = ("schemas", "broker", "processor", "projections", "contract", "gateway", "notifier", "ops")
FOLDERS = "|".join((*ROOMS, "tests", "tools", "docs"))
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]+)`")

# A kind of each sort: its file, the union that its class stands before, the class, and the last
# member of the union, after which it comes.
NEW_KINDS = {
    "VisitTrigger": (
        "schemas/definitions/triggers.py",
        "Trigger = Annotated[",
        'class VisitTrigger(BaseTrigger):\n    type: Literal["visit"]',
        "| UserCreationTrigger,",
    ),
    "VisitAchievement": (
        "schemas/definitions/achievements.py",
        "Achievement = Annotated[",
        'class VisitAchievement(BaseAchievement):\n    trigger: Literal["visit"]',
        "| CompositeAchievement,",
    ),
    "VisitTriggerRule": (
        "processor/rules/triggers.py",
        "InputTriggerRule = MetricTriggerRule",
        "class VisitTriggerRule(TriggerRule):\n    __slots__ = ()",
        "| AchievementTriggerRule\n",
    ),
    "VisitEntry": (
        "schemas/entries.py",
        "UserStateEntry = (",
        'class VisitEntry(BaseEntry, tag="visit"):\n    visit: str',
        "| DueEntry\n",
    ),
    "VisitGrant": (
        "schemas/inputs/__init__.py",
        "OfKnown = (",
        "from schemas.inputs import base\n\n\nclass VisitGrant(base.KnownUserInput):\n    at: str",
        "| Backfill\n",
    ),
}


def files_of(heading):
    """Return the files that the section under a heading names."""
    section = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return set(PATH.findall(section))


@pytest.mark.parametrize(
    "heading",
    [
        "A walk through the code",
        "A trigger type",
        "A rule",
        "A read model",
        "A webhook type",
        "An Admin resource",
    ],
)
def test_every_file_of_a_list_is_there(heading):
    files = files_of(heading)
    assert len(files) >= 3
    assert [it for it in sorted(files) if not (ROOT / it).exists()] == []


@pytest.fixture(scope="module")
def forgotten(tmp_path_factory):
    """Return what is said of kinds that nobody handles: kind -> files with an error of types."""
    tree = tmp_path_factory.mktemp("tree")
    for room in ROOMS:
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    for kind, (name, union, code, last) in NEW_KINDS.items():
        text = (tree / name).read_text()
        assert text.count(union) == text.count(last) == 1, kind
        text = text.replace(union, f"{code}\n\n\n{union}")
        more = re.sub(r"(\w+)", rf"\1 | {kind}", last)
        (tree / name).write_text(text.replace(last, more))
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-incremental", *ROOMS],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 1, checked.stdout
    lines = checked.stdout.splitlines()
    return {
        kind: {line.split(":")[0] for line in lines if re.search(rf"\b{kind}\b", line)}
        for kind in NEW_KINDS
    }


def test_a_trigger_type_that_nobody_handles_is_an_error_of_types_where_the_page_says(forgotten):
    # The rules, the answers and both ways to define it, at the least.
    assert forgotten["VisitTrigger"] >= {
        "processor/rules/compiling_points.py",
        "contract/application/triggers.py",
        "contract/admin/triggers.py",
        "schemas/versions.py",
    }
    assert forgotten["VisitTrigger"] <= files_of("A trigger type")


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("VisitTrigger", "processor/rules/compiling_points.py"),
        ("VisitAchievement", "processor/rules/compiling.py"),
        ("VisitTriggerRule", "processor/rules/points.py"),
        ("VisitEntry", "processor/rules/evolve.py"),
        ("VisitGrant", "processor/rules/commands.py"),
    ],
)
def test_the_rules_handle_every_kind_that_there_is(forgotten, kind, file):
    assert file in forgotten[kind]
