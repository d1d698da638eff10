"""The tables that commands print."""

from rich.console import Console
from rich.table import Table

from broker.definitions import DefinitionsReader
from ops.settings import Settings
from processor.rules.game import compile_game
from processor.rules.levels import level_of
from projections.database import connect
from projections.tops import tops


async def print_tops(settings: Settings, tenant: str, console: Console, limit: int = 10) -> None:
    """Print the users with the most points of the game's first system."""
    async with DefinitionsReader(settings.connection(), settings.topics.definitions) as reader:
        head = reader.head(tenant)
    if head is None:
        return
    game = compile_game(head.definitions, head.version)
    if not game.systems:
        return
    system = game.systems[0]
    async with connect(settings.dsn()) as connection:
        rows = await tops(connection, tenant, system.key, game.frequency, limit)
    table = Table(
        title=f"Top users by {system.key}",
        caption=f"longest: of the {game.frequency} streak",
        title_justify="left",
        caption_justify="left",
    )
    table.add_column("User", no_wrap=True)
    for metric in game.metrics:
        table.add_column(metric, justify="right")
    table.add_column("longest", justify="right")
    table.add_column(system.key, justify="right")
    table.add_column("level", no_wrap=True)
    for row in rows:
        totals = [
            f"{row.totals[metric]:,}" if metric in row.totals else "" for metric in game.metrics
        ]
        level = level_of(system, row.points) or ""
        table.add_row(row.user, *totals, str(row.longest), f"{row.points:,}", level)
    console.print(table)
