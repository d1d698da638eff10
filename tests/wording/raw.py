"""Inputs as bytes, and why they are refused."""

import pytest

from schemas.inputs.reading import InvalidInputError, read_input


def raw(text=""):
    """Return the bytes of an event with this text after user and metric."""
    return b'{"user":"ada","metric":"commits"' + text.encode() + b"}"


def refusal(bytes_):
    """Return why bytes are no input."""
    with pytest.raises(InvalidInputError) as caught:
        read_input(bytes_)
    return str(caught.value)
