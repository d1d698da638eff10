"""What the commands share: where they print, the settings that they were given, how work is run.

What is printed is there to be copied: ids, keys, addresses, commands. So nothing in here wraps a
line, cuts a cell or takes brackets for colours, however narrow the terminal is.
"""

import json
import logging
import re
import sys
from collections.abc import Coroutine, Iterable, Sequence
from typing import Annotated, Any, Final, TypeVar

import typer
import uvloop
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ops.settings import Settings
from ops.settings_in_force import changed
from schemas.text import KEY_PATTERN

out = Console(emoji=False)
err = Console(stderr=True, emoji=False)

# Wider than anything that is printed: a table is measured as if nothing were in its way.
WIDE: Final = 1_000_000
KEY_LENGTH_MAX: Final = 255


def _tenant(name: str) -> str:
    if re.fullmatch(KEY_PATTERN, name) is None or len(name) > KEY_LENGTH_MAX:
        raise typer.BadParameter(
            f"a tenant is named with 1 to {KEY_LENGTH_MAX} letters, digits, _ and -, not {name!r}"
        )
    return name


Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
Tenant = Annotated[str, typer.Option(help="Tenant that it is about.", callback=_tenant)]
T = TypeVar("T")


def settings_of(context: typer.Context, **flags: object) -> Settings:
    """Return the settings in force, with a command's own flags over them where given.

    Raises SettingsError for a flag that no setting can be.
    """
    held: Settings = context.obj
    return changed(held, {name: value for name, value in flags.items() if value is not None})


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run asynchronous work to its end."""
    if logging.getLogger().level > logging.DEBUG:
        # What it says of a broker that is away comes out as an error, and is said once.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    return uvloop.run(work)


def say(text: str, console: Console = out, style: str | None = None) -> None:
    """Print text as it is: each of its lines in one line, to be copied whole."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def print_json(value: object) -> None:
    """Print a value for a program."""
    sys.stdout.write(json.dumps(value, default=str, indent=2) + "\n")


def print_rows(rows: list[dict[str, Any]], *, as_json: bool, console: Console = out) -> None:
    """Print rows as a table, or for a program; hashes are for nobody.

    On a terminal too narrow for the table each row is printed in lines of its own.
    """
    rows = [{name: value for name, value in row.items() if name != "hash"} for row in rows]
    if as_json:
        print_json(rows)
        return
    if not rows:
        say("None.", console)
        return
    cells = [[_cell(value) for value in row.values()] for row in rows]
    table = table_of(list(rows[0]), cells)
    if console.is_terminal and natural_width(table, console) > console.width:
        width = max(map(len, rows[0]))
        blocks = [
            "\n".join(f"{name:<{width}}  {cell}" for name, cell in zip(row, line, strict=True))
            for row, line in zip(rows, cells, strict=True)
        ]
        say("\n\n".join(blocks), console)
    else:
        print_table(table, console)


def table_of(names: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Make a plain table: names above, and cells that are text and nothing else."""
    table = Table(box=None)
    for name in names:
        table.add_column(name)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def print_table(table: Table, console: Console = out) -> None:
    """Print a table as wide as what is in it: no cell is wrapped or cut."""
    table.width = natural_width(table, console)
    console.print(table, crop=False, no_wrap=True, overflow="ignore")


def natural_width(table: Table, console: Console) -> int:
    """Return how wide a table is when nothing in it is wrapped."""
    return Measurement.get(console, console.options.update(max_width=WIDE), table).maximum


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    # An error of others may have several lines: a row has one.
    return " ".join(str(value).split()) if isinstance(value, str) else str(value)
