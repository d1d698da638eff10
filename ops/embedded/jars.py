"""The jars of the embedded Kafka: exactly those in kafka.lock, fetched once, each checked.

Runs no Java and knows no settings: the caller says where the cache is. Nothing is resolved when
fetching; only `python -m ops.embedded.jars --relock` asks the Maven repository what a version of
Kafka needs.
"""

import argparse
import fcntl
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
import stamina
import structlog
from jgo.maven import Artifact, MavenContext, PythonResolver
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from ops.embedded.ports import StackError

LOCK_FILE = Path(__file__).with_name("kafka.lock")
ROOTS = (
    "org.apache.kafka:kafka_2.13:4.3.1",
    # Kafka's own list leaves out what connects its log calls with log4j; without it the broker is
    # mute.
    "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4",
)
LOCK_HEADER = """\
# The jars of the embedded Kafka: SHA-256, bytes, Maven coordinates.
# Made by `python -m ops.embedded.jars --relock`; not to be edited by hand.
"""
FETCHERS = 6
TIMEOUT_S = 60
ATTEMPTS = 4

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Jar:
    """One pinned file of a Maven repository."""

    coordinates: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        """The name in the cache, the one that Maven gives it."""
        _group, artifact, version = self.coordinates.split(":")
        return f"{artifact}-{version}.jar"


def read_lock(file: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """Read the pinned jars from the lock file, in its order."""
    lines = (
        line.split()
        for line in file.read_text(encoding="ascii").splitlines()
        if line[:1] not in ("", "#")
    )
    return tuple(Jar(coordinates, sha256, int(size)) for sha256, size, coordinates in lines)


def fetch_jars(cache_dir: Path, jars: Sequence[Jar] | None = None) -> tuple[Path, ...]:
    """Bring all jars into the cache and give their paths.

    cache_dir: kept between runs, shared by as many processes as like. jars: those of kafka.lock
    unless given. Every jar is hashed on every call, the cached ones too. Raises StackError naming
    the jar that cannot be had or is not the one pinned.
    """
    wanted = read_lock() if jars is None else tuple(jars)
    home = cache_dir / "kafka-jars"
    home.mkdir(parents=True, exist_ok=True)
    if missing := _missing(home, wanted):
        # Whoever comes second waits here and then finds everything; a killed holder's lock falls
        # with it.
        with (home / ".lock").open("w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for leftover in home.glob(".fetch-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            if missing := _missing(home, wanted):
                _fetch(home, missing)
    return tuple(home / jar.file_name for jar in wanted)


def relock(file: Path = LOCK_FILE, roots: Iterable[str] = ROOTS) -> tuple[Jar, ...]:
    """Resolve the roots, download what they need at run time, and write the lock file anew."""
    with tempfile.TemporaryDirectory() as work:
        context = MavenContext(repo_cache=Path(work), timeout=TIMEOUT_S)
        artifacts: dict[str, Artifact] = {}
        # One root at a time, the first to name a project deciding its version: resolved together,
        # each root's version advice would also bend the choices of the other.
        for root in roots:
            given, needed = context.resolver.resolve([context.create_dependency(root)])
            for one in (*given, *needed):
                artifacts.setdefault(f"{one.groupId}:{one.artifactId}", one.artifact)
        with ThreadPoolExecutor(FETCHERS) as pool:
            paths = list(pool.map(lambda artifact: artifact.resolve(), artifacts.values()))
        jars = tuple(
            Jar(f"{project}:{artifact.version}", _sha256(path), path.stat().st_size)
            for (project, artifact), path in sorted(
                zip(artifacts.items(), paths, strict=True), key=lambda pair: pair[0][0]
            )
        )
    rows = "".join(f"{jar.sha256} {jar.size} {jar.coordinates}\n" for jar in jars)
    file.write_text(LOCK_HEADER + rows, encoding="ascii")
    return jars


def _missing(home: Path, jars: Iterable[Jar]) -> list[Jar]:
    """Pick the jars that are not in the cache, or not as pinned."""
    return [jar for jar in jars if not _is_whole(home / jar.file_name, jar)]


def _is_whole(path: Path, jar: Jar) -> bool:
    """Whether the file is there and has the bytes that were pinned."""
    return path.is_file() and path.stat().st_size == jar.size and _sha256(path) == jar.sha256


def _sha256(path: Path) -> str:
    """Hash a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(home: Path, jars: Sequence[Jar]) -> None:
    """Download the jars to one side, and move each into the cache once it is proven."""
    with (
        tempfile.TemporaryDirectory(prefix=".fetch-", dir=home) as work,
        _progress(jars) as advance,
    ):

        def one(jar: Jar) -> None:
            path = _download(jar, Path(work), advance)
            if not _is_whole(path, jar):
                raise StackError(
                    f"{jar.coordinates}: what was downloaded has SHA-256 {_sha256(path)}, but "
                    f"{LOCK_FILE.name} pins {jar.sha256}; it was thrown away"
                )
            # What anybody may download is for everybody who shares the cache.
            path.chmod(0o644)
            path.replace(home / jar.file_name)

        with ThreadPoolExecutor(FETCHERS) as pool:
            futures = [pool.submit(one, jar) for jar in jars]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def _download(jar: Jar, work: Path, advance: Callable[[int], None]) -> Path:
    """Get one jar from the resolver's default repository, trying again when the network fails."""

    @contextmanager
    def report(_file_name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield advance

    try:
        for attempt in stamina.retry_context(on=requests.RequestException, attempts=ATTEMPTS):
            with attempt:
                # A directory for each attempt: the resolver must not find the remains of the one
                # before.
                context = MavenContext(
                    PythonResolver(progress_callback=report),
                    repo_cache=Path(tempfile.mkdtemp(dir=work)),
                    timeout=TIMEOUT_S,
                )
                artifact = context.create_dependency(jar.coordinates).artifact
                return artifact.resolve()
    except (requests.RequestException, RuntimeError, OSError) as problem:
        raise StackError(f"{jar.coordinates} could not be fetched: {problem}") from problem
    raise AssertionError("a retry either returns or raises")


def _progress(jars: Sequence[Jar]) -> AbstractContextManager[Callable[[int], None]]:
    """Show how far the download is: a bar at a terminal, two log lines elsewhere."""
    console = Console(stderr=True)
    return _bar(console, jars) if console.is_terminal else _lines(jars)


@contextmanager
def _bar(console: Console, jars: Sequence[Jar]) -> Iterator[Callable[[int], None]]:
    """Draw a progress bar while the body runs."""
    columns = (
        TextColumn("Kafka's jars, once"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=sum(jar.size for jar in jars))
        yield lambda count: progress.advance(task, count)


@contextmanager
def _lines(jars: Sequence[Jar]) -> Iterator[Callable[[int], None]]:
    """Log before and after the body."""
    facts = {"jars": len(jars), "bytes": sum(jar.size for jar in jars)}
    log.info("jars.fetching", **facts)
    yield lambda _count: None
    log.info("jars.fetched", **facts)


def _main() -> None:
    """Fetch into a directory, or make the lock anew."""
    parser = argparse.ArgumentParser(prog="python -m ops.embedded.jars", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--relock", action="store_true", help="resolve again and write kafka.lock")
    what.add_argument(
        "--fetch", type=Path, metavar="CACHE_DIR", help="fetch the pinned jars into this cache"
    )
    arguments = parser.parse_args()
    count = len(relock() if arguments.relock else fetch_jars(arguments.fetch))
    sys.stdout.write(f"{count} jars\n")


if __name__ == "__main__":
    _main()
