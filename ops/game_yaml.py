"""The YAML of definition files: numbers are plain numbers, and whatever else there is, is text.

YAML 1.1 takes 1:30 for 90, 010 for 8, 1_000 for 1000, `no` for false and 2026-13-01 for a crash. In
here those are the texts that they look like: where a number or true is wanted they are refused.
Decimals are read as they are written, not as the nearest double. Whatever would make reading a text
cost more than its length is refused: aliases, directives, great depth, very many parts. What a file
means is none of this module's business.
"""

import re
from decimal import Decimal
from typing import Any, Final

import yaml
from yaml.constructor import ConstructorError

# Twice what a version of definitions may have when written, and room for comments.
BYTES_MAX: Final = 2 * 1024 * 1024
# Names and values, collections included; a version full of the smallest items there are has fewer.
NODES_MAX: Final = 100_000
# A definition file needs six; the parser would recurse as deep as it is told.
DEPTH_MAX: Final = 32
DIGITS_MAX: Final = 100

_TAG: Final = "tag:yaml.org,2002:"
_Tagged: Final = (yaml.CollectionStartEvent, yaml.ScalarEvent)
# Each tag that is declared would be held against all the others.
_DIRECTIVE: Final = re.compile(r"^%", re.MULTILINE)
_CONTROL: Final = re.compile(r"[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FINITE: Final = r"(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,9})?"
_IMPLICIT: Final = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    "float": (
        rf"[-+]?(?:{_FINITE}|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)",
        list("-+0123456789."),
    ),
}


class NotYamlError(Exception):
    """The text is no YAML that a definition file may be."""

    def __init__(self, line: int, message: str) -> None:
        """Take where it is, counted from 1, and what is wrong."""
        super().__init__(message)
        self.line = line


class _Loader(yaml.CSafeLoader):
    """Knows the types of `_IMPLICIT`, texts, lists and maps, and no others."""


def _whole(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(_digits(loader, node))


def _decimal(loader: _Loader, node: yaml.ScalarNode) -> Decimal:
    # .inf and .nan are refused where a number is wanted, as any other that is not finite.
    return Decimal(_digits(loader, node).replace(".inf", "inf").replace(".nan", "nan"))


def _digits(loader: _Loader, node: yaml.ScalarNode) -> str:
    text = str(loader.construct_scalar(node)).lower()
    if len(text) > DIGITS_MAX:
        problem = f"a number of {len(text)} characters"
        raise ConstructorError(problem=problem, problem_mark=node.start_mark)
    return text


def _furnish() -> None:
    _Loader.yaml_implicit_resolvers = {}
    for name, (pattern, first) in _IMPLICIT.items():
        _Loader.add_implicit_resolver(f"{_TAG}{name}", re.compile(rf"^(?:{pattern})\Z"), first)
    _Loader.yaml_constructors = {}
    known: dict[str, Any] = {
        "null": _Loader.construct_yaml_null,
        "bool": _Loader.construct_yaml_bool,
        "int": _whole,
        "float": _decimal,
        "str": _Loader.construct_yaml_str,
        "seq": _Loader.construct_yaml_seq,
        "map": _Loader.construct_yaml_map,
    }
    for name, construct in known.items():
        _Loader.add_constructor(f"{_TAG}{name}", construct)


_furnish()


def read_yaml(text: str) -> tuple[yaml.Node | None, object]:
    """Return the nodes of a text, None of an empty one, and what they say.

    The time it takes grows with the text's length, up to BYTES_MAX. Raises NotYamlError.
    """
    if len(text) > BYTES_MAX:
        raise NotYamlError(1, f"more than {BYTES_MAX:,} bytes")
    for pattern, said in (
        (_CONTROL, "the character U+{:04X} is not allowed"),
        (_DIRECTIVE, "directives, lines that begin with %, are not allowed"),
    ):
        wrong = pattern.search(text)
        if wrong is not None:
            raise NotYamlError(text.count("\n", 0, wrong.start()) + 1, said.format(ord(wrong[0])))
    try:
        _check(text)
        loader = _Loader(text)
        root = loader.get_single_node()
        return root, None if root is None else loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # The end of a file counts as a line of its own.
        line = min(mark.line, text.count("\n")) + 1 if mark else 1
        raise NotYamlError(line, str(error.problem)) from error
    except yaml.YAMLError as error:
        raise NotYamlError(1, str(error)) from error


def _check(text: str) -> None:
    """Refuse what must not reach the recursion of the composer, and types by tag."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if not isinstance(event, yaml.NodeEvent):
            continue
        if event.anchor is not None:
            # A few lines of them can stand for more than any memory holds, or for themselves.
            raise NotYamlError(line, "anchors and aliases (& and *) are not allowed: write it out")
        nodes += 1
        if nodes > NODES_MAX:
            raise NotYamlError(line, f"more than {NODES_MAX:,} names and values")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEPTH_MAX:
                raise NotYamlError(line, f"nested more than {DEPTH_MAX} deep")
        if isinstance(event, _Tagged) and event.tag not in (None, f"{_TAG}str"):
            raise NotYamlError(line, f"the tag {event.tag!r} is not known here")
