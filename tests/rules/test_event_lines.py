"""The lines of a file of events, whatever it is and however large they are."""

import codecs
import io
import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from ops.event_lines import TOO_LONG, EventLines
from schemas.topics import EVENT_BYTES_MAX


def lines_of(path, **options):
    with EventLines(path) as lines:
        return list(lines.read(**options))


@pytest.fixture
def file(tmp_path):
    """Return where a file of events may be."""
    return tmp_path / "events.ndjson"


def test_a_byte_order_mark_is_no_part_of_the_first_line(file):
    file.write_bytes(codecs.BOM_UTF8 + b"{}\n" + codecs.BOM_UTF8 + b"{}\n")
    assert lines_of(file) == [b"{}\n", codecs.BOM_UTF8 + b"{}\n"]


@pytest.mark.parametrize("mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_a_file_in_utf_16_is_refused_whole(file, mark):
    file.write_bytes(mark + b"{\0}\0\n\0")
    with pytest.raises(ValueError, match=r"events\.ndjson:1: the file is in UTF-16"):
        lines_of(file)


def test_lines_end_as_they_may(file):
    file.write_bytes(b"a\r\n\nb")
    assert lines_of(file) == [b"a\r\n", b"\n", b"b"]


def test_of_a_line_that_no_event_can_have_nothing_is_held(file):
    long = b" " * (10 * EVENT_BYTES_MAX)
    file.write_bytes(b"a\n" + long + b"{}\n" + b"b\n" + long)
    assert lines_of(file) == [b"a\n", TOO_LONG, b"b\n", TOO_LONG]
    assert len(TOO_LONG.strip()) > EVENT_BYTES_MAX


def test_every_byte_is_told_of_as_progress(file):
    file.write_bytes(codecs.BOM_UTF8 + b"a\n" + b"b" * (10 * EVENT_BYTES_MAX))
    counts: list[int] = []
    lines_of(file, progress=counts.append)
    assert sum(counts) == file.stat().st_size


def test_a_file_can_be_read_twice(file):
    file.write_bytes(codecs.BOM_UTF8 + b"a\nb\n")
    with EventLines(file) as lines:
        assert list(lines.read(again=True)) == list(lines.read()) == [b"a\n", b"b\n"]
        assert lines.size == 7


def test_what_comes_through_a_pipe_can_be_read_twice():
    reading, writing = os.pipe()
    os.write(writing, codecs.BOM_UTF8 + b"a\nb\n")
    os.close(writing)
    with EventLines(Path(f"/dev/fd/{reading}")) as lines:
        assert list(lines.read(again=True)) == list(lines.read()) == [b"a\n", b"b\n"]
        assert lines.size is None
    os.close(reading)


def test_standard_input_is_kept_on_disk_only_if_it_is_to_be_read_again(monkeypatch):
    made = []
    real = tempfile.TemporaryFile

    def counted():
        made.append(real())
        return made[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", counted)
    for again in (False, True):
        given = SimpleNamespace(buffer=io.BytesIO(b"a\nb"))
        monkeypatch.setattr(sys, "stdin", given)
        assert lines_of(Path("-"), again=again) == [b"a\n", b"b"]
        assert len(made) == again
    assert EventLines(Path("-")).name == "<stdin>"


def test_what_cannot_be_read_is_named(tmp_path):
    for path in (tmp_path / "none", tmp_path, Path("/proc/self/mem")):
        with pytest.raises(OSError, match=str(path)):
            lines_of(path)
