"""The generated JSON Schemas are fresh, and say what the models say."""

import json

import jsonschema
import pytest

from ops.schemas import FOLDER, generate

ROOT = FOLDER.parent.parent


def test_the_files_are_what_the_models_generate():
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert found == generate(), "stale: run `python -m ops.schemas`"


def test_real_events_are_valid():
    schema = json.loads(generate()["metric-event.json"])
    validator = jsonschema.Draft202012Validator(schema)
    lines = (ROOT / "examples" / "commits.ndjson").read_text(encoding="utf-8").splitlines()
    for line in lines[::97]:
        validator.validate(json.loads(line))


@pytest.mark.parametrize(
    "event",
    [{"user": "u"}, {"user": "", "metric": "m"}, {"user": "u", "metric": "m", "unknown": 1}],
)
def test_wrong_events_are_not(event):
    schema = json.loads(generate()["metric-event.json"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(event)
