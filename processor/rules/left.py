"""Why an input changes nothing: the rules do not admit it, or what it asks for has been done."""

from typing import Final

from msgspec import Struct

from schemas.records import RefusalCode
from schemas.text import Reason


class Refused(Struct, frozen=True, gc=False):
    """The input is well-formed, but the rules do not admit it."""

    code: RefusalCode
    reason: Reason


class Unchanged(Struct, frozen=True, gc=False):
    """What the input asks for has been done before."""


UNCHANGED: Final = Unchanged()
