"""Settings: flags before variables before the file, each checked, none of the secrets shown."""

import pytest

from ops.settings import SettingsError, environment, mask, read_settings


@pytest.fixture
def file(tmp_path):
    """Return a settings file."""
    path = tmp_path / "xp.toml"
    path.write_text('kafka = "file:9092"\nport = 1111\ntopic_prefix = "file."\n')
    return path


def test_a_flag_wins_over_a_variable_and_a_variable_over_the_file(file, monkeypatch):
    monkeypatch.setenv("XP_PORT", "2222")
    monkeypatch.setenv("XP_TOPIC_PREFIX", "variable.")
    settings = read_settings(file, {"topic_prefix": "flag.", "postgres": None})
    assert (settings.kafka, settings.port) == ("file:9092", 2222)
    assert settings.topics.events == "flag.events"


def test_the_file_may_be_named_by_a_variable(file, monkeypatch):
    monkeypatch.setenv("XP_CONFIG", str(file))
    assert read_settings(None, {}).port == 1111


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("XP_PORT", "0", "port"),
        ("XP_PARTITIONS", "many", "partitions"),
        ("XP_API_KEY", "short", "api_key"),
        ("XP_TOPIC_PREFIX", "no spaces", "topic_prefix"),
        ("XP_KAFKA_PROTOCOL", "SASL_SSL", "kafka_user and kafka_password are required"),
        ("XP_WEBHOOK_SCHEDULE_S", "[-1]", "webhook_schedule_s"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch, name, text, said):
    monkeypatch.setenv(name, text)
    with pytest.raises(SettingsError, match=said):
        read_settings(None, {})


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(SettingsError, match="no settings file"):
        read_settings(tmp_path / "none.toml", {})


def test_nothing_named_and_nothing_running_is_said_with_what_to_do(tmp_path):
    settings = read_settings(None, {"data_dir": tmp_path})
    with pytest.raises(SettingsError, match="set XP_KAFKA"):
        settings.connection()
    with pytest.raises(SettingsError, match="xp up"):
        settings.dsn()


def test_secrets_are_masked_where_settings_are_shown(monkeypatch):
    monkeypatch.setenv("XP_API_KEY", "hidden-hidden-hidden")
    monkeypatch.setenv("XP_KAFKA_PASSWORD", "hidden")
    monkeypatch.setenv("XP_POSTGRES", "postgresql://me:hidden@db:5432/xp")
    shown = read_settings(None, {}).shown()
    assert "hidden" not in str(shown)
    assert shown["postgres"] == "postgresql://me:**********@db:5432/xp"
    assert mask("host=db password=hidden") == "**********"


def test_settings_survive_the_way_to_a_part_in_another_process(monkeypatch):
    given = {
        "kafka": "k:9092",
        "postgres": "postgresql://me:hidden@db/xp",
        "webhook_schedule_s": (1.0, 2.0),
        "webhook_allow_private": True,
    }
    settings = read_settings(None, given)
    for name, text in environment(settings).items():
        monkeypatch.setenv(name, text)
    assert read_settings(None, {}).model_dump() == settings.model_dump()
