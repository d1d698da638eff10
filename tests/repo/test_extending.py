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

NEW_KIND = '''class VisitTrigger(BaseTrigger):
    """For every visit."""

    type: Literal["visit"]


'''


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


def test_a_trigger_type_that_nobody_handles_is_an_error_of_types_where_the_page_says(tmp_path):
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    triggers = tmp_path / "schemas/definitions/triggers.py"
    text = triggers.read_text()
    union = "Trigger = Annotated["
    last = "| UserCreationTrigger,"
    assert text.count(union) == text.count(last) == 1
    text = text.replace(union, NEW_KIND + union)
    triggers.write_text(text.replace(last, "| UserCreationTrigger | VisitTrigger,"))
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-incremental", *ROOMS],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 1, checked.stdout
    forgotten = {
        line.split(":")[0] for line in checked.stdout.splitlines() if "VisitTrigger" in line
    }
    # The rules, the answers and both ways to define it, at the least.
    assert forgotten >= {
        "processor/rules/compiling_points.py",
        "contract/application/triggers.py",
        "contract/admin/triggers.py",
        "schemas/versions.py",
    }
    assert forgotten <= files_of("A trigger type")
