"""Many schedules, one after the other, and the sum of them."""

import gc
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prometheus_client import REGISTRY
from simulation.disk import Disks
from simulation.world import World

MEMORY: Final = Path("/dev/shm")
COUNTED: Final = ("written", "loaded")
GARBAGE_EVERY: Final = 20


@dataclass
class Summary:
    """What was run and what came of it."""

    schedules: int = 0
    seconds: float = 0.0
    events: int = 0
    records: int = 0
    skipped: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    # Seed: what was violated.
    violations: dict[int, list[str]] = field(default_factory=dict)

    @property
    def per_minute(self) -> float:
        """How many schedules a minute."""
        return 60 * self.schedules / max(self.seconds, 1e-9)

    def text(self) -> str:
        """Return it for a person."""
        speed = f"{self.seconds:.1f} s ({self.per_minute:.0f} a minute)"
        skipped = f"{self.records} records of which {self.skipped} were skipped"
        lines = [
            f"{self.schedules} schedules in {speed}, {self.events} events, {skipped}",
            "injected: " + ", ".join(f"{it} {n}" for it, n in sorted(self.injected.items())),
            f"violations: in {len(self.violations)} schedules",
        ]
        for seed, violations in self.violations.items():
            lines += [f"seed {seed} (again: --schedules 1 --seed {seed})"]
            lines += [f"  {it}" for it in violations[:10]]
        return "\n".join(lines) + "\n"


def run_schedules(
    seed: int, schedules: int, *, keep_on: bool = False, seconds_max: float | None = None
) -> Summary:
    """Run schedules of one seed after the other, up to the first violation or so many seconds."""
    summary = Summary()
    began = time.perf_counter()
    shared = str(MEMORY) if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="xp-simulation-", dir=shared) as directory:
        disks = Disks(Path(directory))
        # Modules and their like are not looked through again: it took as long as the schedules.
        gc.collect()
        gc.freeze()
        gc.disable()
        try:
            for number in range(seed, seed + schedules):
                _run(number, disks, summary)
                summary.seconds = time.perf_counter() - began
                if (summary.violations and not keep_on) or (
                    seconds_max is not None and summary.seconds > seconds_max
                ):
                    break
                if summary.schedules % GARBAGE_EVERY == 0:
                    gc.collect()
        finally:
            gc.enable()
            gc.unfreeze()
            disks.close()
    return summary


def _snapshots() -> tuple[int, int]:
    left, loaded = (REGISTRY.get_sample_value(f"xp_snapshots_{it}_total") for it in COUNTED)
    return int(left or 0), int(loaded or 0)


def _run(seed: int, disks: Disks, summary: Summary) -> None:
    left, loaded = _snapshots()
    world = World(seed, disks)
    violations = world.run()
    summary.schedules += 1
    left_since, loaded_since = _snapshots()
    summary.injected["snapshot left"] += left_since - left
    summary.injected["snapshot loaded"] += loaded_since - loaded
    summary.injected.update(world.injected)
    summary.injected.update(world.story.counts)
    summary.injected.update(world.oracle.found())
    events, records, skipped = world.oracle.counts()
    summary.events += events
    summary.records += records
    summary.skipped += skipped
    if violations:
        summary.violations[seed] = violations
