"""The tables that commands print."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.console import print_table
from ops.definitions import NoDefinitionsError, definitions
from ops.settings import Settings
from processor.rules.compiling import compile_definitions
from processor.rules.levels import level_at
from projections.database import connect
from projections.points import tops


async def print_tops(settings: Settings, tenant: str, console: Console, limit: int = 10) -> None:
    """Print the users with the most points of the game's first system.

    Raises NoDefinitionsError for a tenant without any, LookupError for a game without points.
    """
    async with definitions(settings.connection(), settings.topics) as reader:
        head = reader.head(tenant)
    if head is None:
        raise NoDefinitionsError(tenant)
    rules = compile_definitions(head.definitions, head.version)
    if not rules.systems:
        raise LookupError(f"the game of tenant {tenant!r} has no points system to rank users by")
    system = rules.systems[0]
    async with connect(settings.dsn()) as connection:
        rows = await tops(connection, tenant, system.key, rules.frequency, limit)
    table = Table(
        title=f"Top users by {system.key}",
        caption=f"longest: of the {rules.frequency} streak",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("User")
    for metric in rules.plans:
        table.add_column(metric, justify="right")
    table.add_column("longest", justify="right")
    table.add_column(system.key, justify="right")
    table.add_column("level")
    for row in rows:
        totals = [
            f"{row.totals[metric]:,}" if metric in row.totals else "" for metric in rules.plans
        ]
        level = level_at(system, row.points) or ""
        cells = (row.user, *totals, str(row.longest), f"{row.points:,}", level)
        table.add_row(*map(Text, cells))
    print_table(table, console)
