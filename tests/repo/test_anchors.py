"""What the code says of documents is there: every `docs/...#anchor` is a heading of its file."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (
    "schemas", "broker", "processor", "projections", "contract", "gateway", "notifier", "ops",
    "benchmarks", "examples", "tests", "tools",
)  # fmt: skip
REFERENCE = re.compile(r"docs/[\w./-]+\.md#[\w-]+")
FENCE = re.compile(r"^```.*\n(?:.*\n)*?```$", re.MULTILINE)
REFERENCES = sorted(
    {
        (str(file.relative_to(ROOT)), target)
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*.py")
        for target in REFERENCE.findall(file.read_text(encoding="utf-8"))
    }
)


def anchors(file):
    """Return the anchors of a document's headings, as they are linked to."""
    headings = re.findall(
        r"^#+ (.+)$", FENCE.sub("", file.read_text(encoding="utf-8")), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_rules_say_where_they_stand():
    assert len({file for file, _ in REFERENCES if file.startswith("processor/rules/")}) >= 15


@pytest.mark.parametrize(("file", "target"), REFERENCES, ids=lambda it: it)
def test_every_anchor_that_the_code_names_is_a_heading(file, target):
    path, _, anchor = target.partition("#")
    assert (ROOT / path).is_file(), file
    assert anchor in anchors(ROOT / path), file
