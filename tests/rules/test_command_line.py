"""What a person can do wrong at the command line is answered with a sentence and no traceback."""

import logging
import socket
from types import SimpleNamespace

import pytest

from ops.cli import main
from ops.console import err, out
from ops.errors import sentence_of
from processor.slot import StoreBusyError


@pytest.fixture
def xp(tmp_path, monkeypatch, capsys):
    """Return a function that runs a command where nothing runs, and gives what it said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XP_PARTS_SECRET", "s" * 32)
    for console in (out, err):
        # As on a narrow terminal: what wraps would show.
        monkeypatch.setattr(console, "_width", 40)
    (tmp_path / "binary").write_bytes(b"\x00\x01\xfe\xff\x80")
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "events").write_text('{"user": "u", "metric": "m"}\n')
    root = logging.getLogger()
    handlers, level, chatty = root.handlers[:], root.level, logging.getLogger("aiokafka").level

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        told = capsys.readouterr()
        return SimpleNamespace(code=ended.value.code, out=told.out, err=told.err)

    yield run
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("aiokafka").setLevel(chatty)


PG = "--postgres postgresql://x@127.0.0.1:1/x"
HERE = ("--kafka", "127.0.0.1:1", *PG.split())
NONE = "no such file or directory"
POINTS = "points are an integer from -9,007,199,254,740,991 to 9,007,199,254,740,991, not 0"


@pytest.mark.parametrize(
    ("code", "words", "said"),
    [
        # Files.
        (1, "publish none", f"none: {NONE}"),
        (1, "publish folder", "folder: is a directory"),
        (1, "apply none", f"none: {NONE}"),
        (1, "apply folder", "folder: is a directory"),
        (1, "apply binary", "binary:1: not YAML: this is not UTF-8 text"),
        (1, "apply empty", "empty:1: the file must be a map of definitions"),
        (1, "up --game none", f"none: {NONE}"),
        (1, "up --game binary", "binary:1: not YAML: this is not UTF-8 text"),
        (1, "up --publish none", f"none: {NONE}"),
        (1, "up --publish folder", "folder: is a directory"),
        (1, "--config none settings", "there is no settings file none"),
        (1, "--config folder settings", "there is no settings file folder"),
        (1, "--config binary settings", "binary:1: not UTF-8 text, as TOML has to be"),
        (1, "--config events settings", "events:1: not TOML: Invalid statement"),
        (1, "--data-dir empty up", "empty cannot be a directory of data: File exists"),
        (1, "--data-dir empty keys list", "(looked into empty/running.json)"),
        # Numbers, dates, names.
        (2, "grant ann xp 99999999999999999999 --reason x", f"{POINTS} and not '9999"),
        (2, "grant ann xp 9007199254740992 --reason x", POINTS),
        (2, "grant ann xp 0 --reason x", POINTS),
        (2, "grant ann xp 1.5 --reason x", POINTS),
        (2, "grant ann xp -99999999999999999999 --reason x", POINTS),
        (2, f"grant ann xp {'9' * 5000} --reason x", POINTS),
        (2, "grant ann xp 5 --reason x --tenant a/b", "a tenant is named with 1 to 255 letters"),
        (2, "keys create --tenant a/b", "a tenant is named with 1 to 255 letters"),
        (2, "apply events --tenant a/b", "a tenant is named with 1 to 255 letters"),
        (2, "correct 0-0-1 --value many --reason x", "--value: 'many' is no number"),
        (2, "correct 0-0-1 --value NaN --reason x", "--value: must be a finite number"),
        (2, "correct 0-0-1 --value 1e999999999 --reason x", "--value: must be smaller than 10^15"),
        (2, "correct 0-0-1 --reason x", "say either --value or --reverse"),
        (2, "achievement a --status gone", "'gone' is not one of 'active', 'locked'"),
        (2, "tops --limit 99999999999999999999", "'--limit'"),
        (1, "--kafka a:1 correct x --reverse --reason x", "'x' is no event's id: that is epoch"),
        (1, "up --port 99999", "port: Input should be less than or equal to 65535"),
        (1, "serve --port 99999", "port: Input should be less than or equal to 65535"),
        (1, "--kafka a:b topics", "kafka: must be host:port"),
        (1, "--postgres nonsense migrate", "postgres: must be a DSN"),
        (1, f"{PG} webhooks add ftp://a", "the URL must begin with https:// or http://"),
        (1, f"{PG} webhooks add http://127.0.0.1/x", "XP_WEBHOOK_ALLOW_PRIVATE=true allows"),
        # Words that there are not.
        (2, "frobnicate", "No such command 'frobnicate'. (`xp -h` shows what it takes)"),
        (2, "publish --frob x", "No such option: --frob (`xp publish -h` shows what it takes)"),
        (2, "publish", "Missing argument"),
        (2, "grant ann xp 5", "Missing option '--reason'. (`xp grant -h` shows what it takes)"),
        (2, "topics extra", "unexpected extra argument"),
        (2, "keys revoke \udcff", r"'\udcff' is not UTF-8 text"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(xp, code, words, said):
    done = xp(*words.split())
    (line,) = done.err.splitlines()
    assert line.startswith("xp: ")
    assert said in line
    assert (done.code, done.out) == (code, "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("topics", "Kafka does not answer at 127.0.0.1:1"),
        ("topics --raise-epoch", "Kafka does not answer at 127.0.0.1:1"),
        ("publish events", "Kafka does not answer at 127.0.0.1:1"),
        ("publish events --dry-run", "Kafka does not answer at 127.0.0.1:1"),
        ("tops", "Kafka does not answer at 127.0.0.1:1"),
        ("achievement a --status active", "Kafka does not answer at 127.0.0.1:1"),
        ("correct 0-0-1 --reverse --reason x", "Kafka does not answer at 127.0.0.1:1"),
        ("grant ann xp 5 --reason x", "Kafka does not answer at 127.0.0.1:1"),
        ("migrate", "Postgres is not reachable"),
        ("keys list", "Postgres is not reachable"),
        ("keys create", "Postgres is not reachable"),
        ("webhooks list", "Postgres is not reachable"),
        ("webhooks remove 1", "Postgres is not reachable"),
        ("webhooks retry 1", "Postgres is not reachable"),
    ],
)
def test_what_is_not_reachable_is_said_in_one_line(xp, words, said):
    done = xp(*HERE, *words.split())
    (line,) = done.err.splitlines()
    assert line.startswith(f"xp: {said}")
    assert done.code == 1


def test_the_doctor_tells_each_finding_in_one_line_however_narrow_the_terminal(xp):
    done = xp(*HERE, "doctor")
    assert done.code == 1
    words = [line.split()[:2] for line in done.out.splitlines()]
    assert words == [
        ["wrong", "Kafka"],
        ["to", "mend"],
        ["wrong", "Postgres"],
        ["to", "mend"],
        ["wrong", "Gateway"],
        ["to", "mend"],
    ]
    assert "http://127.0.0.1:8000/readyz" in done.out


def test_a_port_that_is_taken_is_named(xp):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = xp(*HERE, "serve", "--port", str(port))
    said = f"xp: the gateway cannot listen on 127.0.0.1:{port}: address already in use; choose"
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith(said)


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["keys", "-h"]])
def test_help_and_version_end_well(capsys, words):
    main(words)
    assert capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["keys"]])
def test_without_a_command_the_help_is_shown(xp, words):
    done = xp(*words)
    assert "Usage: xp" in done.out + done.err
    assert done.code == 2


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (StoreBusyError(""), "StoreBusyError"),
        (OSError(28, "No space left on device"), "no space left on device"),
        (OSError(28, "No space left on device", "/tmp/x"), "/tmp/x: no space left on device"),
        (OSError("broken"), "broken"),
    ],
)
def test_an_error_without_words_is_named(error, said):
    assert sentence_of(error) == said
