"""schemathesis against the running whole: what /openapi.json allows, and what it does not.

It sends requests made of the description, each alone and in chains, and looks whether the answers
are those that the description promises. `make contract` gives it ten minutes and new requests;
`make test` tries few, and the same ones each time. What it may complain of is told, with the
reason, by a table of docs/reference/http.md.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import pytest
from journeys.system import ROOT, System
from plumbing.gateway_world import RICH
from plumbing.nasty import ids

# 0: a few requests, whatever time they take.
SECONDS: Final = int(os.environ.get("XP_TEST_CONTRACT_S", "0"))
BOUNDS: Final = [f"--max-time={SECONDS}"] if SECONDS else ["--seed=1", "--max-examples=2"]
DOCS: Final = ROOT / "docs" / "reference" / "http.md"
COMPLAINTS_MAX: Final = 10
USERS: Final = ("ann", "ben", "a/b", "ü")
# Operations on many items at once: what is wrong with one of them is an issue in a 200 or 201.
MANY: Final = (
    "admin_points_boosts_create_old",
    "admin_streaks_freezes_create",
    "admin_streaks_pauses_create",
    "admin_streaks_restore",
    *(
        f"admin_points_{kind}_{verb}"
        for kind in ("boosts", "levels", "triggers")
        for verb in ("create", "update")
    ),
)
REFUSALS: Final = [400, 401, 403, 404, 405, 408, 413, 422, 431]


@pytest.fixture
def system(make_system, tmp_path) -> System:
    """Give a whole with users who have done something."""
    # Nothing is pending, or not there yet, because this machine is slow.
    made: System = make_system(XP_VERDICT_TIMEOUT_S="60", XP_LOG_LEVEL="warning")
    game = tmp_path / "game.yaml"
    game.write_text(json.dumps(RICH), encoding="utf-8")
    made.xp("apply", str(game))
    made.start("worker", "project", "serve")
    made.wait_ready()
    return made


def events(system: System) -> list[str]:
    """Post events and return their ids."""
    found = []
    for user in USERS:
        for value in (1, 4, 10):
            answer = system.post_event("commits", user={"id": user}, value=value)
            assert answer.status_code == 201, answer.text
            found.append(answer.json()["eventId"])
    return found


def settings(event_ids: Collection[str]) -> str:
    """Return the settings of schemathesis, which name what is there, most of the time."""
    known = ids()
    named = {
        "path.systemId": ([known["system"]], 0.9),
        "path.key": (["commits", "xp", "energy", "profile", "both", "ten"], 0.8),
        "path.id": ([*USERS[:2], *event_ids, *known.values()], 0.7),
        "header.Tenant-ID": (["default"], 0.9),
    }
    lists = [
        f"l{at} = {{ values = {json.dumps(it)} }}" for at, (it, _) in enumerate(named.values())
    ]
    uses = [
        f'"{name}" = {{ dictionary = "l{at}", probability = {often} }}'
        for at, (name, (_, often)) in enumerate(named.items())
    ]
    many = [
        "[[operations]]",
        f"include-operation-id = {json.dumps(MANY)}",
        f"checks.negative_data_rejection.expected-statuses = {json.dumps([200, 201, *REFUSALS])}",
    ]
    return "\n".join(
        [
            "continue-on-failure = true",
            "[checks]",
            f"negative_data_rejection.expected-statuses = {json.dumps(REFUSALS)}",
            # What the definitions of a game make of a request is in no schema.
            "positive_data_acceptance.expected-statuses = "
            + json.dumps(["2xx", 401, 403, 404, 422]),
            "missing_required_header.expected-statuses = [401, 422]",
            "[dictionaries]",
            *lists,
            "[parameters]",
            *uses,
            *many,
        ]
    )


def report_of(system: System, folder: Path) -> dict[str, Any]:
    """Run schemathesis for as long as it is given; return its report, with what it said."""
    config, report = folder / "schemathesis.toml", folder / "report.json"
    config.write_text(settings(events(system)), encoding="utf-8")
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            f"--config-file={config}",
            "run",
            f"{system.url}/openapi.json",
            f"--header=X-API-KEY: {system.api_key}",
            *BOUNDS,
            "--generation-database=none",
            f"--report-json-path={report}",
            "--no-color",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS + 300,
        check=False,
    )
    said = done.stdout + done.stderr
    assert report.exists(), said
    return {**json.loads(report.read_text(encoding="utf-8")), "said": said}


def explained() -> set[tuple[str, str]]:
    """Return what may be complained of by the docs, and of which operation."""
    _, _, section = DOCS.read_text(encoding="utf-8").partition("## What schemathesis complains of")
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    return {
        (cells[1].strip(" `"), operation)
        for cells in rows
        for operation in re.findall(r"`([^`]+)`", cells[2])
    }


def test_every_answer_is_one_that_the_description_promises(system, tmp_path):
    found = report_of(system, tmp_path)
    complaints = {
        (group["type"], operation)
        for group in found["failures"]
        for operation in group["operations"]
    }
    assert complaints <= explained(), found["said"]
    assert len(complaints) < COMPLAINTS_MAX
    assert found["errors"] == []
    assert found["complete"]
    assert found["operations"]["tested"] == found["operations"]["total"] > 40
    assert found["test_cases"]["generated"] > 5 * (SECONDS or 100)


def test_fewer_complaints_than_ten_are_explained_and_none_of_them_is_a_failure_of_the_server():
    assert 0 < len(explained()) < COMPLAINTS_MAX
    assert not any(kind.startswith("Server") for kind, _ in explained())
