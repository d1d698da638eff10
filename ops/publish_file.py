"""Publish a file of events, or only check it, with a progress bar: `xp publish`, `xp up --publish`.

A file is checked whole before any of it is sent: half an import is worse than none. Both go through
the file line by line, so its size does not matter.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ops.console import say
from ops.event_lines import EventLines
from ops.publish import ChangedMeanwhileError, Published, Refused, check, publish
from ops.settings import Settings

REFUSED_SHOWN_MAX: Final = 20
CLOCK_RUNS: Final = (
    "no secret of the parts is known here: the clock does not wait for the end of the file, which "
    "matters if it holds events of days gone by"
)

# strict: nothing is sent of a file with bad lines. skip: they are left out. dry: nothing is sent.
Mode = Literal["strict", "skip", "dry"]


class BadLinesError(ValueError):
    """A file has lines that are no events; nothing of it was sent."""

    def __init__(self, name: str, found: Published) -> None:
        """Take the file's name and what was found in it."""
        self.found = found
        count, lines = found.refused_count, found.accepted + found.refused_count
        said = [
            f"{name}: {count:,} of {lines:,} lines cannot be published, so nothing was:",
            *(_line_of(name, it) for it in found.refused[:REFUSED_SHOWN_MAX]),
        ]
        if count > REFUSED_SHOWN_MAX:
            more = count - REFUSED_SHOWN_MAX
            said.append(f"  and {more:,} more: `xp publish --dry-run` lists all of them")
        said.append("Correct them, or publish the other lines with --skip-bad.")
        super().__init__("\n".join(said))


async def publish_file(
    settings: Settings, path: Path, console: Console, *, mode: Mode = "strict"
) -> Published:
    """Publish an NDJSON file (- for standard input), or only check it, and tell how it went.

    Raises BadLinesError for a file with bad lines where they are not to be skipped, ValueError for
    one that changed while it was read, OSError where there is none.
    """

    def tell(refused: Refused) -> None:
        say(_line_of(lines.name, refused), console, style="red")

    with EventLines(path) as lines, progress_on(console) as progress:
        connection, topics = settings.publishing_connection(), settings.topics
        hold = connection.secrets is not None
        if not hold and mode != "dry":
            say(CLOCK_RUNS, console, style="yellow")

        def read(word: str, *, again: bool = False) -> Iterator[bytes]:
            task = progress.add_task(word, total=lines.size)
            return lines.read(again=again, progress=lambda count: progress.advance(task, count))

        if mode == "dry":
            found = await check(connection, topics, read("Checking"), tell=tell)
        elif mode == "skip":
            found = await publish(connection, topics, read("Publishing"), tell=tell, hold=hold)
        else:
            found = await check(connection, topics, read("Checking", again=True))
            if found.refused_count:
                raise BadLinesError(lines.name, found)
            wanted = islice(read("Publishing"), found.lines)
            try:
                found = await publish(connection, topics, wanted, checked=True, hold=hold)
            except ChangedMeanwhileError as error:
                raise ValueError(f"{lines.name}: {error}") from error
    word = "Would publish" if mode == "dry" else "Published"
    say(
        f"{word} {found.accepted:,} events from {lines.name}, {found.refused_count:,} refused",
        console,
    )
    return found


def _line_of(name: str, refused: Refused) -> str:
    return f"  {name}:{refused.line}: {refused.reason}"


def progress_on(console: Console) -> Progress:
    """Return a progress bar, which is nothing where nobody looks at it."""
    columns = (TextColumn("{task.description:<10}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
