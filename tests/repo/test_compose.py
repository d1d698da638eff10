"""The Compose file fits the Compose specification and brings up the parts that there are.

The schema is the specification's own, as the check-jsonschema package ships it. That the containers
run is not tested here: that takes a Docker engine.
"""

import json
import re
import runpy
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from jsonschema.validators import validator_for
from typer.main import get_group

from broker.access import OUTSIDE, rules, workers_group
from ops.acls import OPERATIONS
from ops.cli import app
from ops.settings import Settings
from schemas.topics import Topics

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
PARTS = {"worker": "worker", "projector": "project", "gateway": "serve", "notifier": "notify"}


def problems(text):
    """Say what the specification has against a Compose file."""
    # Its schema only: the package's own code wants another click than the one that Faust pins.
    spec = find_spec("check_jsonschema")
    assert spec is not None
    assert spec.origin is not None
    file = Path(spec.origin).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(file.read_text())
    found = validator_for(schema)(schema).iter_errors(yaml.safe_load(text))
    return [error.message for error in found]


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load(COMPOSE.read_text())["services"]


def test_the_file_fits_the_schema():
    assert not problems(COMPOSE.read_text())


@pytest.mark.parametrize(
    ("right", "wrong"), [("healthcheck:", "healtcheck:"), ("service_healthy", "service_happy")]
)
def test_the_schema_sees_a_slip(right, wrong):
    assert problems(COMPOSE.read_text().replace(right, wrong))


def test_every_part_has_a_service_that_runs_its_command(services):
    commands = get_group(app).commands
    for service, part in PARTS.items():
        assert services[service]["command"] == ["xp", part]
        assert part in commands
    assert services["setup"]["command"] == ["sh", "-c", "xp migrate && xp topics"]
    assert {"migrate", "topics"} <= set(commands)


def test_every_part_waits_for_tables_and_topics_and_tells_its_health(services):
    for service in PARTS:
        condition = services[service]["depends_on"]["setup"]["condition"]
        assert condition == "service_completed_successfully"
        assert services[service]["healthcheck"]["test"]
    assert "/healthz" in services["gateway"]["healthcheck"]["test"][-1]


def test_every_setting_in_it_is_one_that_xp_knows(services):
    known = {f"XP_{name.upper()}" for name in Settings.model_fields}
    for service in (*PARTS, "setup"):
        assert set(services[service]["environment"]) <= known


def test_images_are_pinned_and_volumes_declared(services):
    volumes = yaml.safe_load(COMPOSE.read_text())["volumes"]
    for service in services.values():
        assert service["image"].partition(":")[2] not in ("", "latest")
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in volumes


def test_the_image_runs_as_nobody_in_particular():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert "USER xp" in lines
    assert [line for line in lines if line.startswith("FROM ") and ":latest" not in line]


def test_no_service_has_a_capability_or_writes_to_its_image(services):
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert not {"privileged", "network_mode", "pid", "devices"} & service.keys(), name


def test_there_is_no_default_password():
    text = COMPOSE.read_text()
    named = re.findall(r"\$\{(\w+)([^}]*)\}", text)
    passwords = {name for name, _ in named if name.endswith(("PASSWORD", "SECRET"))}
    # Said once of each that nothing starts without it; a default would be `:-` or `-`.
    refused = {name for name, rest in named if rest.startswith(":?")}
    assert passwords == refused
    assert [name for name, rest in named if rest.startswith((":-", "-"))] == ["XP_PORT"]


def test_the_tool_makes_every_password_that_the_file_wants_and_keeps_those_there_are():
    made = runpy.run_path(str(ROOT / "tools" / "compose" / "secrets.py"))
    wanted = set(re.findall(r"\$\{(\w+(?:PASSWORD|SECRET))", COMPOSE.read_text()))
    assert set(made["NAMES"]) == wanted
    text = made["completed"]("XP_PORT=8001\nPOSTGRES_PASSWORD=mine")
    lines = dict(line.split("=", 1) for line in text.splitlines())
    assert lines["XP_PORT"] == "8001"
    assert lines["POSTGRES_PASSWORD"] == "mine"
    assert set(lines) == {*wanted, "XP_PORT"}
    assert all(len(lines[name]) == 32 for name in wanted - {"POSTGRES_PASSWORD"})
    assert made["completed"](text) == text


def test_clients_are_let_in_as_far_as_the_table_says(services):
    script = services["acls"]["command"][-1].replace("\\\n", "")
    topics = re.search(r"for topic in ([^;]*);", script)
    assert topics is not None
    told = set()
    for line in script.splitlines():
        found = re.search(
            r"add --(\w+)-principal User:xp-clients --operation (\w+) --(\w+) (\S+)", line
        )
        if found is not None:
            kind, operation, resource, name = found.groups()
            names = topics[1].split() if name == "$$topic" else [name.strip("'")]
            told |= {(resource, it, operation, kind == "allow") for it in names}
    assert told == {
        (rule.resource, rule.name, OPERATIONS[rule.operation], rule.allowed)
        for rule in rules(Topics())
        if rule.role in OUTSIDE
    }
    assert workers_group(Topics()) in script
