"""Read a definition file: YAML in, definitions out, or every problem with its line."""

import codecs
from collections.abc import Hashable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ops.game_yaml import NotYamlError, read_yaml
from schemas.codec import VersionTooLargeError, write_version
from schemas.definitions import Definitions, Problem, path_of, problems
from schemas.definitions import Path as ItemPath
from schemas.topics import DEFAULT_TENANT
from schemas.versions import succeed


class LineProblem(NamedTuple):
    """Something wrong in a file."""

    line: int
    message: str


class GameFileError(Exception):
    """The file is refused whole; `problems` says where and why."""

    def __init__(self, path: Path, found: list[LineProblem]) -> None:
        """Take the file and what is wrong with it."""
        self.problems = sorted(found)
        lines = [f"{path}:{problem.line}: {problem.message}" for problem in self.problems]
        super().__init__("\n".join(lines))


def read_game(path: Path) -> Definitions:
    """Read and check a definition file. Raises GameFileError, or OSError when there is no file."""
    root, raw = _read(path)
    if not isinstance(raw, dict) or root is None:
        raise GameFileError(path, [LineProblem(1, "the file must be a map of definitions")])
    found = list(_duplicate_names(root, set()))
    found += [_located(root, problem) for problem in _archived(raw, (), set())]
    game = None
    try:
        game = Definitions.model_validate(raw)
    except ValidationError as error:
        found += [_located(root, problem) for problem in _shape_problems(error)]
    if game is not None:
        found += [_located(root, problem) for problem in problems(game)]
        found += _too_large(game)
    if game is None or found:
        raise GameFileError(path, found)
    return game


def _read(path: Path) -> tuple[yaml.Node | None, object]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        # A failed read, unlike a failed opening, does not say of what.
        raise OSError(error.errno, error.strerror, str(path)) from error
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


def _archived(value: object, path: ItemPath, seen: set[int]) -> Iterator[Problem]:
    # What a file leaves out is archived: no file says so itself. An alias is looked into once, as
    # there may be very many of one thing, or one within itself.
    if id(value) in seen:
        return
    if isinstance(value, dict):
        seen.add(id(value))
        if "archived" in value:
            yield Problem((*path, "archived"), "unknown field 'archived'")
        for name, item in value.items():
            yield from _archived(item, (*path, str(name)), seen)
    elif isinstance(value, list):
        seen.add(id(value))
        for index, item in enumerate(value):
            yield from _archived(item, (*path, index), seen)


def _duplicate_names(node: yaml.Node, seen: set[int]) -> Iterator[LineProblem]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        names: set[Hashable] = set()
        for name, value in node.value:
            if name.value in names:
                line = name.start_mark.line + 1
                yield LineProblem(line, f"the field {name.value!r} is given twice")
            names.add(name.value)
            yield from _duplicate_names(value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _duplicate_names(item, seen)


def _located(root: yaml.Node, problem: Problem) -> LineProblem:
    node, line = root, root.start_mark.line
    for step in problem.path:
        found = _child(node, step)
        if found is None:
            # A part of the path that is no part of the file, such as the name of a missing field.
            continue
        name, node = found
        line = name.start_mark.line
    return LineProblem(line + 1, problem.message)


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(step):
                return name, value
    return None
