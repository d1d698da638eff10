"""The Compose file fits the Compose specification and brings up the parts that there are.

The schema is the specification's own, as the check-jsonschema package ships it. That the containers
run is not tested here: that takes a Docker engine.
"""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from jsonschema.validators import validator_for
from typer.main import get_group

from ops.cli import app
from ops.settings import Settings

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
