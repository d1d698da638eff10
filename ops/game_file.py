"""Read a definition file: YAML in, definitions out, or every problem with its line.

The bytes of a file bound what reading it costs: no step looks at a part of it once per other part.
"""

import codecs
from collections.abc import Hashable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ops.game_places import Places
from ops.game_yaml import BYTES_MAX, NotYamlError, read_yaml
from schemas.codec import VersionTooLargeError, write_version
from schemas.definitions import Definitions, Problem, path_of, problems
from schemas.definitions import Path as ItemPath
from schemas.topics import DEFAULT_TENANT
from schemas.versions import succeed

# What a person is shown of a file that has more wrong with it, and of one message.
SHOWN_MAX: Final = 100
MESSAGE_MAX: Final = 500


class LineProblem(NamedTuple):
    """Something wrong in a file."""

    line: int
    message: str


class GameFileError(Exception):
    """The file is refused whole; `problems` says where and why."""

    def __init__(self, path: Path, found: list[LineProblem]) -> None:
        """Take the file and what is wrong with it."""
        self.problems = sorted(LineProblem(line, _short(message)) for line, message in found)
        shown = self.problems[:SHOWN_MAX]
        lines = [f"{path}:{problem.line}: {problem.message}" for problem in shown]
        if len(self.problems) > len(shown):
            lines.append(f"{path}: and {len(self.problems) - len(shown):,} more")
        super().__init__("\n".join(lines))


def _short(message: str) -> str:
    return message if len(message) <= MESSAGE_MAX else f"{message[: MESSAGE_MAX - 1]}…"


def read_game(path: Path) -> Definitions:
    """Read and check a definition file. Raises GameFileError, or OSError when there is no file."""
    try:
        with path.open("rb") as file:
            # No more than it may have, and a byte by which that is noticed.
            raw = file.read(BYTES_MAX + 1)
    except OSError as error:
        # A failed read, unlike a failed opening, does not say of what.
        raise OSError(error.errno, error.strerror, str(path)) from error
    return game_of(raw, path)


def game_of(raw: bytes, path: Path) -> Definitions:
    """Return the definitions that a file says; `path` names it. Raises GameFileError."""
    root, said = _parsed(raw, path)
    if not isinstance(said, dict) or root is None:
        raise GameFileError(path, [LineProblem(1, "the file must be a map of definitions")])
    found = list(_duplicate_names(root))
    wrong = list(_archived(said, ()))
    game = None
    try:
        game = Definitions.model_validate(said)
    except ValidationError as error:
        wrong += _shape_problems(error)
    if game is not None:
        wrong += problems(game)
        found += _too_large(game)
    places = Places(root)
    found += [LineProblem(places.line_of(it.path), it.message) for it in wrong]
    if game is None or found:
        raise GameFileError(path, found)
    return game


def _parsed(raw: bytes, path: Path) -> tuple[yaml.Node | None, object]:
    if len(raw) > BYTES_MAX:
        raise GameFileError(path, [LineProblem(1, f"the file has more than {BYTES_MAX:,} bytes")])
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise GameFileError(path, [LineProblem(1, "the file is in UTF-16; save it as UTF-8")])
    try:
        return read_yaml(raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = LineProblem(line, "not YAML: this is not UTF-8 text")
        raise GameFileError(path, [problem]) from error
    except NotYamlError as error:
        raise GameFileError(path, [LineProblem(error.line, f"not YAML: {error}")]) from error


def _too_large(game: Definitions) -> Iterator[LineProblem]:
    # As a first version; what others left behind as archived is seen when it is put in force.
    try:
        write_version(succeed(None, game, DEFAULT_TENANT, datetime.max.replace(tzinfo=UTC)))
    except VersionTooLargeError as error:
        yield LineProblem(1, str(error))


def _shape_problems(error: ValidationError) -> Iterator[Problem]:
    for problem in error.errors(include_url=False):
        yield _shape_problem(problem)


def _shape_problem(problem: ErrorDetails) -> Problem:
    path, context = path_of(problem["loc"]), problem.get("ctx", {})
    name = str(path[-1]) if path else "the file"
    if name == "[key]":
        # What pydantic puts behind a name that is wrong itself.
        name = f"the name {path[-2]!r}"
    match problem["type"]:
        case "extra_forbidden":
            message = f"unknown field {name!r}"
        case "missing":
            message = f"{name!r} is required"
        case "union_tag_not_found":
            message = f"{context['discriminator']} is required"
        case "union_tag_invalid":
            field = str(context["discriminator"]).strip("'")
            path = (*path, field)
            message = f"{field}: must be one of {context['expected_tags']}, not {context['tag']!r}"
        case _:
            message = f"{name}: {problem['msg'].removeprefix('Value error, ')}"
    return Problem(path, message)


def _archived(value: object, path: ItemPath) -> Iterator[Problem]:
    # What a file leaves out is archived: no file says so itself.
    if isinstance(value, dict):
        if "archived" in value:
            yield Problem((*path, "archived"), "unknown field 'archived'")
        for name, item in value.items():
            yield from _archived(item, (*path, str(name)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _archived(item, (*path, index))


def _duplicate_names(node: yaml.Node) -> Iterator[LineProblem]:
    if isinstance(node, yaml.MappingNode):
        names: set[Hashable] = set()
        for name, value in node.value:
            if name.value in names:
                line = name.start_mark.line + 1
                yield LineProblem(line, f"the field {name.value!r} is given twice")
            names.add(name.value)
            yield from _duplicate_names(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _duplicate_names(item)
