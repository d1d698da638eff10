"""Worlds of another kind: with a bad network, with small disks, with two versions of the worker."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import stack
from faults.classes import Options
from faults.disk import Disk, ForbiddenFiles, MountedDisk, may_mount
from faults.proxy import Proxy
from faults.world import ROOT, World

from ops.embedded.kafka import EmbeddedKafka
from ops.embedded.ports import choose_port
from ops.rooms import ROOMS

# Enough for the rounds of one world; the database's write-ahead log alone may grow to a gigabyte.
DISK_BYTES: Final = 3 * 1024**3
RULES_FILE: Final = Path("processor", "rules", "__init__.py")


class ProxiedWorld(World):
    """Every part reaches Kafka and Postgres through proxies of its own; the driver does not."""

    def __init__(self, home: Path, options: Options) -> None:
        """See World."""
        super().__init__(home, options)
        # (part, server) -> what stands between them.
        self.proxies: dict[tuple[str, str], Proxy] = {}

    def make_kafka(self) -> EmbeddedKafka:
        """Make the proxies, and the broker with a listener behind each."""
        ports = self.home / "ports"
        ports.mkdir()
        for part in self.options.parts:
            for server in ("kafka", "postgres"):
                file = ports / f"{part}-{server}".replace(" ", "-")
                self.proxies[part, server] = Proxy(choose_port("proxy", file, None)).start()
        fronts = [proxy.port for (_, server), proxy in self.proxies.items() if server == "kafka"]
        return EmbeddedKafka(self.home / "servers", stack.jars(), fronts=fronts, open_to_all=True)

    def kafka_address(self, part: str) -> str:
        """The part's proxy, which is led to its listener."""
        proxy = self.proxies[part, "kafka"]
        proxy.lead_to(self.kafka.behind(proxy.port))
        return f"127.0.0.1:{proxy.port}"

    def postgres_address(self, part: str) -> str:
        """The part's proxy, which is led to the server."""
        proxy = self.proxies[part, "postgres"]
        parsed = urlsplit(self.dsn)
        assert parsed.port is not None
        proxy.lead_to(parsed.port)
        place = f"{parsed.username}:{parsed.password}@127.0.0.1:{proxy.port}"
        return urlunsplit(parsed._replace(netloc=place))

    async def stop(self) -> None:
        """End everything, the network last."""
        await super().stop()
        for proxy in self.proxies.values():
            await asyncio.to_thread(proxy.stop)


class SmallDisksWorld(World):
    """Broker, Postgres and workers have disks that can be full, each its own."""

    def __init__(self, home: Path, options: Options) -> None:
        """See World."""
        super().__init__(home, options)
        self._mounted: dict[str, MountedDisk] = {}
        self.disks: Mapping[str, Disk] = {}

    def make_kafka(self) -> EmbeddedKafka:
        """Make the disks, and the broker on one of them."""
        servers = self.home / "servers"
        places = {
            "kafka": servers / "kafka",
            "postgres": servers / "postgres",
            "worker": self.home / "state",
        }
        if may_mount():
            for name, place in places.items():
                self._mounted[name] = MountedDisk(place, DISK_BYTES)
            self.disks = self._mounted
        else:
            self.disks = {name: self._forbidden(name) for name in places}
        return super().make_kafka()

    def _forbidden(self, name: str) -> ForbiddenFiles:
        return ForbiddenFiles(lambda: [pid] if (pid := self.pid(name)) is not None else [])

    async def stop(self) -> None:
        """End everything, and give the disks back."""
        try:
            await super().stop()
        finally:
            for disk in self._mounted.values():
                disk.remove()


class SnapshotsWorld(World):
    """Workers leave snapshots after a few records, and take them over."""

    def command(self, part: str) -> list[str]:
        """Run workers by a script that sets these numbers."""
        words = super().command(part)
        if part.split(maxsplit=1)[0] == "worker":
            words[1] = str(Path(__file__).with_name("eager.py"))
        return words


class TwoVersionsWorld(World):
    """Workers of the version that is here, and of a later one whose rules have another number."""

    def __init__(self, home: Path, options: Options) -> None:
        """Make the later version: a copy of all rooms with the number of the rules raised."""
        super().__init__(home, options)
        self._later = home / "later"
        for room in ROOMS:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / room, self._later / room, ignore=ignored)
        rules = self._later / RULES_FILE
        text, count = re.subn(
            r"^(RULES\b.*= )(\d+)$",
            lambda found: f"{found[1]}{int(found[2]) + 1}",
            rules.read_text(),
            flags=re.MULTILINE,
        )
        assert count == 1, f"{RULES_FILE} has no line with the number of the rules"
        rules.write_text(text)
        # Parts that run the later version from their next start on.
        self.upgraded: set[str] = set()

    def command(self, part: str) -> list[str]:
        """Run the part from here or from the copy."""
        words = super().command(part)
        if part in self.upgraded:
            words[1] = str(self._later / Path(words[1]).relative_to(ROOT))
        return words
