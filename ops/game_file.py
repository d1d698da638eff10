"""Read a definition file: YAML in, definitions out, or every problem with its line."""

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import ValidationError

from schemas.definitions import Definitions, Problem, problems
from schemas.definitions import Path as ItemPath


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
    text = path.read_text(encoding="utf-8")
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
        raw = yaml.load(text, Loader=yaml.CSafeLoader)  # the safe loader, in C
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise GameFileError(path, [LineProblem(line, f"not YAML: {error.problem}")]) from error
    except yaml.YAMLError as error:
        raise GameFileError(path, [LineProblem(1, f"not YAML: {error}")]) from error
    if not isinstance(raw, dict) or root is None:
        raise GameFileError(path, [LineProblem(1, "the file must be a map of definitions")])
    found = list(_duplicate_names(root))
    found += [_located(root, problem) for problem in _archived(raw, ())]
    game = None
    try:
        game = Definitions.model_validate(raw)
    except ValidationError as error:
        found += [_located(root, problem) for problem in _shape_problems(error)]
    if game is not None:
        found += [_located(root, problem) for problem in problems(game)]
    if game is None or found:
        raise GameFileError(path, found)
    return game


def _shape_problems(error: ValidationError) -> Iterator[Problem]:
    for problem in error.errors(include_url=False, include_context=False):
        path = tuple(problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        name = str(path[-1]) if path else ""
        if problem["type"] == "extra_forbidden":
            message = f"unknown field {name!r}"
        elif problem["type"] == "missing":
            message = f"{name!r} is required"
        else:
            message = f"{name}: {message}"
        yield Problem(path, message)


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
        seen: set[Hashable] = set()
        for name, value in node.value:
            if name.value in seen:
                line = name.start_mark.line + 1
                yield LineProblem(line, f"the field {name.value!r} is given twice")
            seen.add(name.value)
            yield from _duplicate_names(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _duplicate_names(item)


def _located(root: yaml.Node, problem: Problem) -> LineProblem:
    node, line = root, root.start_mark.line
    for step in problem.path:
        found = _child(node, step)
        if found is None:
            # A part of the path that is no part of the file, such as the tag of a union.
            continue
        name, node = found
        line = name.start_mark.line
    return LineProblem(line + 1, problem.message)


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == step:
                return name, value
    return None
