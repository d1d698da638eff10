"""Settings: flags before variables before the file, each checked, none of the secrets shown."""

import json
import stat

import pytest

from ops.addresses import mask, url_of
from ops.parts_secret import FILE, make
from ops.settings_file import SettingsError
from ops.settings_in_force import changed, environment, read_settings
from schemas.instants import micros
from schemas.signing import Secrets


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
        ("XP_API_KEY", "thirty-one-characters-are-short", "api_key"),
        ("XP_PARTS_SECRET", "s" * 31, "parts_secret"),
        ("XP_PARTS_UNSIGNED_UNTIL", "2026-12-01T00:00:00", "parts_unsigned_until"),
        ("XP_TOPIC_PREFIX", "no spaces", "topic_prefix"),
        ("XP_KAFKA_PROTOCOL", "SASL_SSL", "kafka_user and kafka_password are required"),
        ("XP_WEBHOOK_SCHEDULE_S", "[-1]", "webhook_schedule_s"),
        ("XP_WEBHOOK_SCHEDULE_S", "soon", "XP_WEBHOOK_SCHEDULE_S must be JSON"),
        ("XP_KAFKA", "localhost:abc", "kafka: must be host:port"),
        ("XP_KAFKA", "a:1,,b:2", "kafka: must be host:port"),
        ("XP_KAFKA", "PLAINTEXT://a:1", "kafka: must be host:port"),
        ("XP_KAFKA", "a:99999", "kafka: must be host:port"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch, name, text, said):
    monkeypatch.setenv(name, text)
    with pytest.raises(SettingsError, match=said):
        read_settings(None, {})


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(SettingsError, match="no settings file"):
        read_settings(tmp_path / "none.toml", {})


@pytest.mark.parametrize("kafka", ["", "a", "a:1, b:2", "[::1]:9092", "10.0.0.1:9092"])
def test_addresses_of_every_form_are_taken(kafka):
    assert read_settings(None, {"kafka": kafka}).kafka == kafka


def test_a_wrong_dsn_is_refused_without_being_quoted():
    with pytest.raises(SettingsError, match="postgres: must be a DSN") as refused:
        read_settings(None, {"postgres": "user=me password=hid den"})
    assert "hid" not in str(refused.value)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"kafka = 'a'\n\xff\xfe", ":2: not UTF-8 text"),
        (b"\n\nkafka: a", ":3: not TOML: Expected '=' after a key"),
        (b"a = [", ":1: not TOML: "),
        (b"\nprot = 1", ":2: there is no setting 'prot': do you mean 'port'?"),
        (b"kafka = 'a'\nport = 'b'", ":2: port: Input should be a valid integer"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(tmp_path, raw, said):
    file = tmp_path / "xp.toml"
    file.write_bytes(raw)
    with pytest.raises(SettingsError) as refused:
        read_settings(file, {})
    assert str(refused.value).startswith(f"{file}{said}")


def test_a_byte_order_mark_before_a_file_says_nothing(tmp_path):
    file = tmp_path / "xp.toml"
    file.write_bytes(b"\xef\xbb\xbfport = 1111\n")
    assert read_settings(file, {}).port == 1111


def test_a_file_is_not_blamed_for_what_a_flag_says(file):
    with pytest.raises(SettingsError, match=r"^port: "):
        read_settings(file, {"port": 0})


def test_a_flag_of_a_command_is_checked_like_any_setting(file):
    settings = read_settings(file, {})
    assert (changed(settings, {"port": 9}).port, changed(settings, {}).kafka) == (9, "file:9092")
    with pytest.raises(SettingsError, match="port: Input should be less than or equal to 65535"):
        changed(settings, {"port": 99999})


def test_a_file_for_tls_that_is_not_there_is_named(tmp_path):
    given = {"kafka": "a:1", "kafka_protocol": "SSL", "kafka_ca_file": str(tmp_path / "no.pem")}
    with pytest.raises(SettingsError, match=r"kafka_ca_file .*no\.pem: No such file"):
        read_settings(None, given).connection()


def test_the_gateway_is_where_the_running_system_says(tmp_path):
    settings = read_settings(None, {"data_dir": tmp_path, "port": 8000})
    assert settings.gateway() == "http://127.0.0.1:8000"
    (tmp_path / "running.json").write_text(json.dumps({"gateway": "http://127.0.0.1:8123"}))
    assert settings.gateway() == "http://127.0.0.1:8123"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("fd00::1", "http://[fd00::1]:80"),
    ],
)
def test_a_url_can_be_opened_whatever_the_server_listens_on(host, url):
    assert url_of(host, 80) == url


@pytest.mark.parametrize("text", ["", "[]", "nothing", '{"kafka": 1'])
def test_a_file_of_addresses_that_is_damaged_is_as_none(tmp_path, text):
    (tmp_path / "running.json").write_text(text)
    with pytest.raises(SettingsError, match="set XP_KAFKA"):
        read_settings(None, {"data_dir": tmp_path}).connection()


def test_nothing_named_and_nothing_running_is_said_with_what_to_do(tmp_path):
    settings = read_settings(None, {"data_dir": tmp_path})
    with pytest.raises(SettingsError, match="set XP_KAFKA"):
        settings.connection()
    with pytest.raises(SettingsError, match="xp up"):
        settings.dsn()


# The secret of the parts


def test_what_signs_has_the_secret_that_is_set_and_what_reads_has_none(tmp_path):
    given = {
        "kafka": "a:1",
        "data_dir": tmp_path,
        "parts_secret": "s" * 32,
        "parts_secret_before": "o" * 32,
        "parts_unsigned_until": "2026-03-02T12:00:00Z",
    }
    settings = read_settings(None, given)
    assert settings.signing_connection().secrets == Secrets("s" * 32, "o" * 32, 1_772_452_800_000)
    assert settings.connection().secrets is None
    make(tmp_path)
    assert settings.signing_connection().secrets == Secrets("s" * 32, "o" * 32, 1_772_452_800_000)


def test_without_one_it_is_that_of_the_data_directory(tmp_path):
    settings = read_settings(None, {"kafka": "a:1", "data_dir": tmp_path})
    with pytest.raises(SettingsError, match="set XP_PARTS_SECRET"):
        settings.signing_connection()
    made = make(tmp_path)
    assert make(tmp_path) == made
    assert len(made.text) == 64
    secrets = settings.signing_connection().secrets
    assert secrets is not None
    assert (secrets.now, secrets.other) == (made.text, None)
    assert secrets.unsigned_until == micros(made.made) // 1000
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "[]", '{"secret": "s"}', '{"secret": "s", "made": "now"}'])
def test_a_secret_that_is_damaged_is_said_and_not_made_anew(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(SettingsError, match="cannot be read"):
        make(tmp_path)


def test_secrets_are_masked_where_settings_are_shown(monkeypatch):
    monkeypatch.setenv("XP_API_KEY", "hidden-hidden-hidden-hidden-hidden")
    monkeypatch.setenv("XP_KAFKA_PASSWORD", "hidden")
    monkeypatch.setenv("XP_PARTS_SECRET", "hidden" * 6)
    monkeypatch.setenv("XP_PARTS_SECRET_BEFORE", "hidden" * 7)
    monkeypatch.setenv("XP_POSTGRES", "postgresql://me:hidden@db:5432/xp")
    shown = read_settings(None, {}).shown()
    assert "hidden" not in str(shown)
    assert shown["postgres"] == "postgresql://me:**********@db:5432/xp"
    assert mask("host=db password=hidden") == "password=********** host=db"


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://ann:hidden@db/xp",
        "postgresql://ann:hidden@db/xp?sslmode=require",
        "postgresql://ann:hidden@db/xp?sslpassword=hidden",
        "postgresql://ann@db/xp?password=hidden",
        "postgresql://ann@db/xp?pass%77ord=hidden",
        "postgresql://ann:hidden@db:5432,other:5433/xp",
        "host=db password = 'hidden'",
        "host=db sslpassword=hidden",
        "host=db password=hidden nonsense",
    ],
)
def test_no_password_of_a_dsn_is_shown_wherever_it_stands(dsn):
    assert "hidden" not in mask(dsn)
    assert "**********" in mask(dsn)


def test_a_dsn_without_a_password_is_shown_as_it_is():
    assert mask("postgresql://ann@db/xp?sslmode=require") == (
        "postgresql://ann@db/xp?sslmode=require"
    )


def test_no_password_is_in_what_is_logged_of_a_connection():
    given = {"kafka": "a:1", "kafka_protocol": "SASL_SSL", "kafka_user": "u"}
    connection = read_settings(None, {**given, "kafka_password": "hidden"}).connection()
    assert connection.password == "hidden"
    assert "hidden" not in repr(connection)


def test_settings_survive_the_way_to_a_part_in_another_process(monkeypatch):
    given = {
        "kafka": "k:9092",
        "postgres": "postgresql://me:hidden@db/xp",
        "webhook_schedule_s": (1.0, 2.0),
        "webhook_allow_private": True,
        "parts_secret": "s" * 32,
        "parts_unsigned_until": "2026-03-02T12:00:00.123456+01:00",
    }
    settings = read_settings(None, given)
    for name, text in environment(settings).items():
        monkeypatch.setenv(name, text)
    assert read_settings(None, {}).model_dump() == settings.model_dump()
