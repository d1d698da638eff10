"""`xp up`: everything started, one job done, and then watched."""

import asyncio
import shlex
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import MofNCompleteColumn

from broker.definitions import DefinitionsReader
from ops.apply import apply_game
from ops.console import say
from ops.event_lines import EventLines
from ops.game_file import read_game
from ops.publish import Published
from ops.publish_file import Mode, progress_on, publish_file
from ops.settings import Settings
from ops.stack import Stack
from ops.tables import print_tops
from projections.database import connect
from projections.positions import positions
from schemas.topics import DEFAULT_TENANT

LOOK_EVERY_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Job:
    """What `xp up` is to do once everything runs."""

    game: Path | None = None
    publish: Path | None = None
    tenant: str = DEFAULT_TENANT
    exit_when_idle: bool = False
    skip_bad: bool = False


async def up(settings: Settings, job: Job, console: Console) -> None:
    """Run everything and do the job; return when it is done, if it is to end then.

    Raises PartDiedError, and the typed errors of what could not be started or read.
    """
    game = read_game(job.game) if job.game else None
    if job.publish is not None and not job.publish.is_fifo():
        # Before all that takes time: whether it is there. A pipe could be opened only once.
        EventLines(job.publish).close()
    async with Stack(settings, console) as stack:
        settings = stack.settings
        key = await stack.first_key()
        if key is not None:
            say(f"API key   {key}", console)
            say("          (shown once; `xp keys create` makes others)", console)
        if game is not None:
            applied = await apply_game(
                settings.signing_connection(), settings.topics, game, tenant=job.tenant
            )
            say(f"Game      {job.game}: version {applied.version} in force", console)
        url = await stack.start_parts()
        watching = asyncio.create_task(stack.watch())
        try:
            doing = asyncio.create_task(_do(stack, job, url, console))
            await asyncio.wait({watching, doing}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                doing.cancel()
                await watching
            await doing
            if not job.exit_when_idle:
                await watching
        finally:
            watching.cancel()


async def _do(stack: Stack, job: Job, url: str, console: Console) -> None:
    settings = stack.settings
    if job.publish is not None:
        mode: Mode = "skip" if job.skip_bad else "strict"
        published = await publish_file(settings, job.publish, console, mode=mode)
        await _wait_in_postgres(settings, published, console)
        # What was published may be another tenant's.
        with suppress(LookupError):
            await print_tops(settings, job.tenant, console)
    await stack.wait_ready(url)
    if job.exit_when_idle:
        return
    say(f"\nGateway   {url}/v1", console)
    say(f"Docs      {url}/docs", console)
    say(f"Ready     {url}/readyz", console)
    say(f"Logs      {settings.data_dir / 'parts'}", console)
    say(f"Try       {_xp(settings)} doctor", console)
    say("          xp --help", console)
    say("          (Ctrl-C stops everything)", console)


def _xp(settings: Settings) -> str:
    """Return the command as it finds this system, from the same directory."""
    usual = Path(Settings.model_fields["data_dir"].default).resolve()
    given = settings.data_dir.resolve()
    return "xp" if given == usual else f"xp --data-dir {shlex.quote(str(given))}"


async def _wait_in_postgres(settings: Settings, published: Published, console: Console) -> None:
    """Wait until every published event is in Postgres."""
    async with DefinitionsReader(settings.connection(), settings.topics.definitions) as reader:
        epoch = reader.epoch
    total = sum(offset + 1 for offset in published.last.values())
    with progress_on(console) as progress:
        progress.columns = (*progress.columns, MofNCompleteColumn())
        task = progress.add_task("Judging", total=total)
        while True:
            async with connect(settings.dsn()) as connection:
                held = await positions(connection)
            done = 0
            behind = False
            for partition, wanted in published.last.items():
                last = held[partition].last if partition in held else None
                reached = last.offset if last is not None and last.epoch == epoch else -1
                done += min(reached, wanted) + 1
                behind = behind or reached < wanted
            progress.update(task, completed=done)
            if not behind:
                return
            await asyncio.sleep(LOOK_EVERY_S)
