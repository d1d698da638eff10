"""The doors by which definitions come in: each takes what it is given, or says what is wrong.

An input is held against all of them. What goes beyond a bound is an AssertionError; what a door
raises that it does not promise comes out as it is.
"""

import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from wild import EVERYTHING

from contract.admin import boosts, levels, triggers
from contract.admin.drafts import Step, carried_out
from contract.admin.reading import parse_items
from contract.collections import triggers_of
from ops.game_file import MESSAGE_MAX, SHOWN_MAX, GameFileError, game_of
from processor.rules.compiling import compile_version
from schemas.codec import (
    ForeignRecordError,
    UnreadableRecordError,
    VersionTooLargeError,
    read_definitions_record,
    read_version,
    write_version,
)
from schemas.definitions import Definitions
from schemas.inputs.explaining import NotJsonError, read_json
from schemas.versions import succeed

# Of one input at all doors together, on a slow machine. Most take a thousandth of it.
BOUND_S: Final = 20.0
NAME: Final = Path("game.yaml")
AT: Final = datetime(2026, 3, 2, tzinfo=UTC)
GAME: Final = Definitions.model_validate(EVERYTHING)
SHAPES: Final[tuple[Any, ...]] = (
    triggers.CREATE,
    triggers.CHANGE,
    levels.CREATE,
    levels.CHANGE,
    boosts.CREATE,
    boosts.CREATE_OLD,
    boosts.CHANGE,
)


def try_doors(raw: bytes) -> float:
    """Bring some bytes to every door; return the seconds of this process that it took."""
    began = time.process_time()
    for door in (as_file, as_record, as_definitions_of_a_record, as_items):
        door(raw)
    took = time.process_time() - began
    assert took <= BOUND_S, f"took {took:.1f} s, and may take {BOUND_S:.0f}"
    return took


def as_file(raw: bytes) -> None:
    """`xp apply`: definitions that can be put in force, or all problems with their lines."""
    try:
        game = game_of(raw, NAME)
    except GameFileError as error:
        check_refusal(error, raw)
        return
    version = succeed(None, game, "default", AT)
    compile_version(version)
    assert read_version(write_version(version)) == version


def check_refusal(error: GameFileError, raw: bytes) -> None:
    """Check that what is said of a file is of its lines, and short enough for a person."""
    # To YAML more than \n ends a line.
    lines = max(raw.count(b"\n"), len(raw.decode("utf-8", "replace").splitlines())) + 1
    assert error.problems
    assert all(1 <= it.line <= lines for it in error.problems)
    assert all(len(it.message) <= MESSAGE_MAX for it in error.problems)
    assert len(str(error)) <= (SHOWN_MAX + 1) * (MESSAGE_MAX + 100)


def as_record(raw: bytes) -> None:
    """A record of xp.definitions: a version, or an error that says whom it concerns."""
    said = ""
    try:
        read_definitions_record(raw)
    except (ForeignRecordError, UnreadableRecordError) as error:
        said = str(error)
    assert len(said) < 10_000


def as_definitions_of_a_record(raw: bytes) -> None:
    """A record of xp.definitions that says whose version it is, and then this."""
    head = b'{"tenant":"a","version":1,"parent":0,"at":"2026-03-02T00:00:00Z","definitions":'
    as_record(b"".join((head, raw, b"}")))


def as_items(raw: bytes) -> None:
    """A request of the Admin API: items that are done, or an issue for each."""
    try:
        body = read_json(raw)
    except NotJsonError:
        return
    items = body if isinstance(body, list) else [body]
    for shape in SHAPES:
        parsed, issues = parse_items(shape, items[:100])
        assert len(parsed) + len(issues) == len(items[:100])
    done = [_step(it.item) for it in parse_items(triggers.CREATE, items[:100])[0]]
    game, outcome = carried_out("default", GAME, done)
    assert len(outcome.done) + len(outcome.issues) == len(done)
    with suppress(VersionTooLargeError):
        write_version(succeed(None, game, "default", AT))


def _step(item: Any) -> Step[str]:
    def do(draft: Any) -> str:
        made = triggers.create(draft, item)
        draft.add(triggers_of("xp"), made)
        return str(made.key)

    return Step({}, do)
