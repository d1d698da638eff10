"""What is wrong with an input, in words for its producer: all of it, not just the first."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from msgspec import NODEFAULT, MsgspecError, Struct, UnsetType, ValidationError, convert
from msgspec.json import Decoder
from msgspec.structs import FieldInfo, fields

from schemas.inputs.base import NumberIn, Problem
from schemas.text import text_problem

PROBLEMS_MAX: Final = 5

# Where no decimal has room for an exponent, this one is as far from every value as it is.
_FAR: Final = 10**6


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        digits, _, exponent = text.lower().partition("e")
        return Decimal(f"{digits}e{'-' if exponent.startswith('-') else ''}{_FAR}")


# Numbers with a point are taken by their text: a double would have other digits.
_GENERIC: Final[Decoder[Any]] = Decoder(float_hook=_decimal)

# It quotes what was given.
_ENUM: Final = re.compile(r"Invalid enum value (.*)$", re.DOTALL)
# What msgspec says, and what a producer is told.
_SAID: Final = (
    (re.compile(r"Expected `str` of length >= 1$"), "must not be empty"),
    (re.compile(r"Expected `str` of length <= (\d+)$"), r"must have at most \1 characters"),
    (re.compile(r"Expected `\w+` of length <= (\d+)$"), r"must have at most \1 items"),
    (
        re.compile(r"Expected `str` matching regex '\^\[a-zA-Z0-9_-\].*"),
        "must have letters, digits, _ and - only, and at least one",
    ),
    (re.compile(r"Expected `str` matching regex (.*)$"), r"must look like \1"),
    (re.compile(r"Expected `\w+` >= (-?\d+)$"), r"must be at least \1"),
    (re.compile(r"Expected `\w+` <= (-?\d+)$"), r"must be at most \1"),
    (_ENUM, r"cannot be \1"),
    (re.compile(r"Invalid RFC3339.*"), "must be a date, such as 2026-03-02"),
    (re.compile(r"Integer value out of range.*"), "is too large a number"),
    (re.compile(r"Invalid decimal string.*"), "must be a number"),
    (re.compile(r"Expected `array` of length (\d+), got (\d+)$"), r"must have \1 items, not \2"),
    (re.compile(r"Expected `(.*)`, got `(.*)`$"), r"must be \1, not \2"),
)
_TRUNCATED: Final = {"Input data was truncated": "it ends too early"}
_NAMES: Final = {
    "str": "a text",
    "int": "a whole number",
    "decimal": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "date": "a date",
    "null": "null",
    "float": "a number",
}


class NotJsonError(ValueError):
    """The bytes are no JSON; the message says where."""


def read_json(raw: bytes) -> Any:  # noqa: ANN401  any JSON there is
    """Read any JSON, numbers with a point as decimals. Raises NotJsonError."""
    try:
        return _GENERIC.decode(raw)
    except ValidationError as error:
        # Of the thousands of digits that Python reads no number of.
        raise NotJsonError("not JSON that can be read: a number has too many digits") from error
    except UnicodeDecodeError as error:
        raise NotJsonError(f"not JSON: no UTF-8 at byte {error.start} of a text") from error
    except MsgspecError as error:
        said = str(error).removeprefix("JSON is malformed: ")
        raise NotJsonError(f"not JSON: {_TRUNCATED.get(said, said)}") from error
    except RecursionError as error:
        raise NotJsonError("not JSON that can be read: it is nested too deeply") from error


@cache
def _fields_of(struct: type[Struct]) -> Mapping[str, FieldInfo]:
    return {field.encode_name: field for field in fields(struct)}


def shape_problems(
    value: Mapping[str, Any], struct: type[Struct], path: str = "", place: str = ""
) -> Iterator[Problem]:
    """Yield what is wrong with the fields of an object that is to be a Struct, types alone."""
    known = _fields_of(struct)
    tag = struct.__struct_config__.tag_field
    for name in value:
        if name not in known and name != tag:
            yield Problem(f"{path}{name}", "unknown field", place.removesuffix("."))
    for name, field in known.items():
        if name in value:
            yield from _problems(value[name], field.type, f"{path}{name}", f"{place}{name}")
        elif field.default is NODEFAULT and field.default_factory is NODEFAULT:
            yield Problem(f"{path}{name}", "is required", f"{place}{name}")


def _problems(value: Any, wanted: Any, path: str, place: str) -> Iterator[Problem]:  # noqa: ANN401  any JSON, any type
    members = [it for it in _members(wanted) if it not in (NoneType, UnsetType)]
    if NumberIn in members and isinstance(value, bool | str):
        yield Problem(path, "must be a number", place)
        return
    if isinstance(value, dict):
        for member in members:
            if isinstance(member, type) and issubclass(member, Struct):
                yield from shape_problems(value, member, f"{path}.", f"{place}.")
                return
            plain = get_args(member)[0] if get_origin(member) is Annotated else member
            if get_origin(plain) is dict:
                # Its names are the input's own.
                named = [(it, f"{path}.{key}", place) for key, it in value.items()]
                found = list(_item_problems(named, get_args(plain)[1]))
                yield from found or _whole_problem(value, wanted, path, place)
                return
    elif isinstance(value, list):
        for member in members:
            plain = get_args(member)[0] if get_origin(member) is Annotated else member
            if get_origin(plain) is list:
                named = [(it, f"{path}.{at}", f"{place}.{at}") for at, it in enumerate(value)]
                found = list(_item_problems(named, get_args(plain)[0]))
                yield from found or _whole_problem(value, wanted, path, place)
                return
    yield from _whole_problem(value, wanted, path, place)


def _item_problems(items: list[tuple[Any, str, str]], wanted: Any) -> Iterator[Problem]:  # noqa: ANN401  as above
    for item, path, place in items:
        yield from _problems(item, wanted, path, place)


def _members(wanted: Any) -> tuple[Any, ...]:  # noqa: ANN401  any type
    return get_args(wanted) if get_origin(wanted) in (Union, UnionType) else (wanted,)


def _whole_problem(value: Any, wanted: Any, path: str, place: str) -> Iterator[Problem]:  # noqa: ANN401  as above
    try:
        convert(value, wanted)
    except MsgspecError as error:
        said = str(error).split(" - at `$")[0]
        yield Problem(path, _in_words(said), place, _kind(said))


def _in_words(said: str) -> str:
    for pattern, words in _SAID:
        if pattern.match(said):
            text = pattern.sub(words, said)
            if text.startswith("must be ") and "`" not in said.replace("`", "", 4):
                return _with_names(text)
            return text
    return said


def _kind(said: str) -> str | None:
    """Return what is wrong without what was given, None where the words do not quote it."""
    if _ENUM.match(said):
        return "is none of those that it can be"
    return None if any(pattern.match(said) for pattern, _ in _SAID) else "is wrong"


def _with_names(text: str) -> str:
    wanted, _, found = text.removeprefix("must be ").partition(", not ")
    kinds = [it for it in wanted.split(" | ") if it != "null"]
    if "decimal" in kinds:
        kinds = [it for it in kinds if it != "int"]
    names = dict.fromkeys(_NAMES.get(it, it) for it in kinds)
    return f"must be {' or '.join(names)}, not {_NAMES.get(found, found)}" if found else text


def text_problems(value: Any) -> Iterator[Problem]:  # noqa: ANN401  any JSON
    """Yield the texts, names of fields included, that no door takes."""
    # Without recursion: what could just be read may be nested too deeply for that.
    left: list[tuple[str, Any]] = [("", value)]
    while left:
        path, found = left.pop()
        below: list[tuple[str, Any]] = []
        if isinstance(found, str):
            problem = text_problem(found)
            if problem is not None:
                yield Problem(path, problem, "")
        elif isinstance(found, dict):
            for key, item in found.items():
                place = f"{path}.{key}" if path else key
                below += [(place, key), (place, item)]
        elif isinstance(found, list):
            below += [(f"{path}.{index}", item) for index, item in enumerate(found)]
        left += reversed(below)


def sentence(problems: list[Problem]) -> str:
    """Return one sentence on the first few problems, naming the fields: for who sent the input."""
    # A field may have no name at all.
    return _joined(
        [f"{_written(it.path)}: {it.message}" for it in problems[:PROBLEMS_MAX]], problems
    )


def kinds(problems: list[Problem]) -> str:
    """Return the same sentence without anything that only the input says: for everyone else."""
    parts = []
    for it in problems[:PROBLEMS_MAX]:
        place, kind = it.path if it.place is None else it.place, it.kind or it.message
        parts.append(f"{place}: {kind}" if place else kind)
    return _joined(parts, problems)


def _written(path: str) -> str:
    # A field may have no name at all.
    return path.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0") or '""'


def _joined(parts: list[str], problems: list[Problem]) -> str:
    more = len(problems) - len(parts)
    return "; ".join([*parts, f"and {more} more"] if more else parts)
