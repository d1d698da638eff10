"""The logs: what is below the level costs nothing, what is not is told in the style asked for."""

import json
import logging

import pytest
import structlog

from ops.logs import set_up_logs


@pytest.fixture(autouse=True)
def _restored():
    """Leave logging as it was."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def counted():
    """Count how often the processors are run."""
    runs = []

    def count(_logger, _method, event):
        runs.append(event["event"])
        return event

    structlog.configure(processors=[count, *structlog.get_config()["processors"]])
    return runs


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_what_is_below_the_level_runs_no_processor(level, heard):
    set_up_logs("json", level)
    runs = counted()
    log = structlog.get_logger("test").bind(part="a")
    for method in ("debug", "info", "warning", "error"):
        getattr(log, method)(method)
    assert runs == heard


def test_a_line_names_logger_level_and_what_was_bound(capsys):
    set_up_logs("json", "warning")
    error = ValueError("what went wrong")
    structlog.get_logger("room.file").bind(partition=3).warning("it.failed", exc_info=error)
    told = json.loads(capsys.readouterr().err)
    assert told["logger"] == "room.file"
    assert (told["level"], told["event"], told["partition"]) == ("warning", "it.failed", 3)
    assert "what went wrong" in told["exception"]


def test_a_line_of_a_library_goes_the_same_way(capsys):
    set_up_logs("json", "warning")
    logging.getLogger("library").info("not of interest")
    logging.getLogger("library").warning("of interest")
    told = json.loads(capsys.readouterr().err)
    assert (told["logger"], told["event"]) == ("library", "of interest")
