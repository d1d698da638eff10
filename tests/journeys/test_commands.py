"""The command line as a person uses it, and as a program does."""

import json

import psycopg
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
    text = "\n".join(lines)
    for options, sent in [((), False), (("--dry-run",), False), (("--skip-bad",), True)]:
        done = system.xp("publish", "-", "--json", *options, text=text, check=False)
        assert done.returncode == 1
        found = json.loads(done.stdout)
        assert (found["accepted"], found["sent"], found["refusedCount"]) == (1, sent, 3)
        assert [it["line"] for it in found["refused"]] == [2, 3, 5]
        assert "no metric 'unheard-of'" in found["refused"][0]["reason"]
    refused = system.xp("publish", "-", text=text, check=False)
    assert "  <stdin>:2: there is no metric 'unheard-of'" in refused.stderr


def test_a_tenant_without_definitions_is_told_how_to_get_some(system):
    event = '{"user": "u", "metric": "lessons", "tenant": "acme"}'
    for words in (
        ("publish", "-", "--dry-run"),
        ("grant", "u", "xp", "5", "--reason", "x", "--tenant", "acme"),
        ("achievement", "first", "--status", "locked", "--tenant", "acme"),
        ("tops", "--tenant", "acme"),
    ):
        done = system.xp(*words, text=event, check=False)
        assert done.returncode == 1
        said = "tenant 'acme' has no definitions: apply some with `xp apply FILE --tenant acme`"
        assert said in done.stdout + done.stderr


def test_what_a_command_takes_is_printed_whole_on_a_narrow_terminal(system):
    system.environment |= {"COLUMNS": "40", "XP_WEBHOOK_ALLOW_PRIVATE": "true"}
    url = f"http://127.0.0.1:9/{'hooks/' * 20}"
    webhook, secret = (
        line.split()[1] for line in system.xp("webhooks", "add", url).stdout.splitlines()
    )
    assert secret.startswith("whsec_")
    listed = system.xp("webhooks", "list").stdout
    assert webhook in listed
    assert url in listed
    assert system.xp("webhooks", "list", webhook).stdout == "None.\n"
    key = system.xp("keys", "create", "--name", "a name of many words " * 5).stdout.strip()
    prefix = key.partition(".")[0]
    assert any(line.split()[0] == prefix for line in system.xp("keys", "list").stdout.splitlines())
    assert system.xp("keys", "revoke", prefix).stdout == f"Revoked {prefix}.\n"
    assert system.xp("webhooks", "remove", webhook).stdout == f"Removed {webhook}.\n"


def test_tables_that_are_missing_are_said_to_be_made_by_migrating(make_system):
    system = make_system()
    with psycopg.connect(system.dsn, autocommit=True) as connection:
        connection.execute("DROP SCHEMA own CASCADE")
    for words in (("keys", "list"), ("webhooks", "list")):
        refused = system.xp(*words, check=False)
        assert refused.stderr == "xp: Postgres has no tables of xpledger: run `xp migrate`\n"


def test_the_doctor_says_what_is_missing(system):
    found = system.xp("doctor", "--json", check=False)
    assert found.returncode == 1
    by_name = {it["what"]: it for it in json.loads(found.stdout)}
    assert by_name["Kafka"]["ok"]
    assert by_name["Postgres"]["ok"]
    assert (by_name["Set aside"]["ok"], by_name["Set aside"]["found"]) == (True, "nothing")
    assert not by_name["Definitions"]["ok"]
    assert not by_name["Gateway"]["ok"]


def test_the_doctor_shows_records_that_no_table_can_hold(system):
    with psycopg.connect(system.dsn) as database:
        for offset in (17, 18):
            database.execute(
                "INSERT INTO read.set_aside (partition, ledger_offset, event_id, tenant, reason,"
                " record) VALUES (2, %s, '0-2-5', 'default', '22003: out of range', '{}')",
                [offset],
            )
    found = system.xp("doctor", "--json", check=False)
    assert found.returncode == 1
    (aside,) = [it for it in json.loads(found.stdout) if it["what"] == "Set aside"]
    assert not aside["ok"]
    assert aside["found"] == (
        "2 records that no table can hold; the first in partition 2 at 17: 22003: out of range"
    )
    assert "xp project --rebuild" in aside["mend"]


def test_settings_are_shown_without_their_secrets(system):
    system.environment["XP_API_KEY"] = "hidden-hidden-hidden-hidden-hidden"
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
