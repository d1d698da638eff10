"""The command line as a person uses it, and as a program does."""

import json

import pytest

GAME = "examples/game.yaml"


@pytest.fixture
def system(make_system):
    """Return a system with tables and topics, and nothing running."""
    return make_system()


def test_a_definition_file_is_tried_applied_and_applied_again(system):
    tried = system.xp("apply", GAME, "--dry-run").stdout
    assert "+ metric lessons" in tried
    assert "Would be version 1" in tried
    assert "Version 1" in system.xp("apply", GAME).stdout
    assert "Nothing changes: version 1" in system.xp("apply", GAME).stdout


def test_a_wrong_definition_file_is_refused_whole(system, tmp_path):
    file = tmp_path / "game.yaml"
    file.write_text("metrics:\n  - {key: a, name: A, colour: red}")
    refused = system.xp("apply", str(file), check=False)
    assert refused.returncode == 1
    assert refused.stderr == f"xp: {file}:2: unknown field 'colour'\n"


def test_lines_that_cannot_be_published_are_refused_with_their_numbers(system):
    system.xp("apply", GAME)
    lines = [
        '{"user": "u", "metric": "lessons"}',
        '{"user": "u", "metric": "unheard-of"}',
        "not json",
        "",
        '{"user": "u", "metric": "lessons", "value": "1"}',
    ]
    done = system.xp("publish", "-", "--json", text="\n".join(lines), check=False)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["accepted"] == 1
    assert [it["line"] for it in found["refused"]] == [2, 3, 5]
    assert "no metric 'unheard-of'" in found["refused"][0]["reason"]


def test_the_doctor_says_what_is_missing(system):
    found = system.xp("doctor", "--json", check=False)
    assert found.returncode == 1
    by_name = {it["what"]: it for it in json.loads(found.stdout)}
    assert by_name["Kafka"]["ok"]
    assert by_name["Postgres"]["ok"]
    assert not by_name["Definitions"]["ok"]
    assert not by_name["Gateway"]["ok"]


def test_settings_are_shown_without_their_secrets(system):
    system.environment["XP_API_KEY"] = "hidden-hidden-hidden"
    shown = system.xp("settings").stdout
    assert "hidden" not in shown
    assert json.loads(shown)["topic_prefix"] == system.topics.prefix


def test_a_wrong_setting_is_named(system):
    system.environment["XP_PORT"] = "ninety"
    refused = system.xp("settings", check=False)
    assert refused.returncode == 1
    assert "port" in refused.stderr


def test_a_worker_refuses_topics_that_do_not_fit(make_system):
    system = make_system()
    system.environment["XP_TOPIC_PREFIX"] = f"{system.topics.prefix}other."
    refused = system.xp("worker", check=False)
    assert refused.returncode == 1
    assert "is missing: run `xp topics`" in refused.stderr
