"""What the commands share: where they print, the settings that they were given, how work is run."""

import json
import sys
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from ops.settings import Settings

out = Console()
err = Console(stderr=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
Tenant = Annotated[str, typer.Option(help="Tenant that it is about.")]
T = TypeVar("T")


def settings_of(context: typer.Context, **flags: object) -> Settings:
    """Return the settings in force, with a command's own flags over them where given."""
    held: Settings = context.obj
    given = {name: value for name, value in flags.items() if value is not None}
    return held.model_copy(update=given)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run asynchronous work to its end."""
    return uvloop.run(work)


def print_json(value: object) -> None:
    """Print a value for a program."""
    sys.stdout.write(json.dumps(value, default=str, indent=2) + "\n")


def print_rows(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print rows as a table, or for a program; hashes are for nobody."""
    rows = [{name: value for name, value in row.items() if name != "hash"} for row in rows]
    if as_json:
        print_json(rows)
        return
    if not rows:
        out.print("None.")
        return
    table = Table(box=None)
    for name in rows[0]:
        table.add_column(name)
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    out.print(table)
