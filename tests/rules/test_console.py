"""What the commands print is there to be copied: nothing of it is wrapped, cut or interpreted."""

import io
from uuid import UUID

import pytest
from rich.console import Console
from rich.table import Table

from ops.console import print_rows, print_table, say

LONG = "https://example.com/" + "hooks/" * 30
ROW = {
    "id": UUID("cf6b1d2e-58b5-4d4f-9a53-0c4b1a8e7f11"),
    "tenant": "a" * 100,
    "url": LONG,
    "types": ["points.level_changed"],
    "last_error": "[bold]no :key: of\nthis[/bold]",
    "finished": None,
}


def printed(work, *, terminal):
    """Return what is printed on a console of 80 columns."""
    file = io.StringIO()
    work(Console(file=file, width=80, force_terminal=terminal, color_system=None, emoji=False))
    return file.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_a_row_is_printed_whole_however_narrow_the_terminal(terminal):
    told = printed(
        lambda console: print_rows([ROW, ROW], as_json=False, console=console), terminal=terminal
    )
    for whole in (str(ROW["id"]), "a" * 100, LONG, "[bold]no :key: of this[/bold]"):
        assert told.count(whole) == 2
    assert "…" not in told
    assert "['points.level_changed']" not in told


def test_a_piped_row_is_one_line():
    told = printed(
        lambda console: print_rows([ROW, ROW], as_json=False, console=console), terminal=False
    )
    assert len(told.splitlines()) == 3


def test_rows_that_fit_a_terminal_are_a_table_on_it():
    rows = [{"prefix": "64FuCw8O", "name": "admin"}]
    told = printed(lambda console: print_rows(rows, as_json=False, console=console), terminal=True)
    assert [line.split() for line in told.splitlines()] == [
        ["prefix", "name"],
        ["64FuCw8O", "admin"],
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_table_with_a_frame_is_as_wide_as_its_cells(terminal):
    table = Table()
    table.add_column("User")
    table.add_column("xp")
    table.add_row("u" * 200, "1")
    told = printed(lambda console: print_table(table, console), terminal=terminal)
    assert "u" * 200 in told


@pytest.mark.parametrize("terminal", [True, False])
def test_a_line_that_is_said_stays_one_line_of_the_same_text(terminal):
    text = f"API key   [red]{LONG}[/red] :key:"
    told = printed(lambda console: say(text, console, style="red"), terminal=terminal)
    assert text in told
