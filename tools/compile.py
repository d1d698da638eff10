"""Compile the rules and the judge with mypyc into .compiled/: the same sources, faster.

The compiled tree is a copy of every room with extension modules beside the sources of those named
here. Nothing in the checkout is shadowed by it: `xp` uses it as long as no source is newer. Needs a
C compiler. The Python stays the reference: `make test-compiled` runs the tests of the rules, the
laws and the judge on the compiled modules.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
TARGET: Final = ROOT / ".compiled"
ROOMS: Final = ("schemas", "broker", "processor", "projections", "gateway", "notifier", "ops")

# What an event passes on its way through the judge. No pydantic models, which mypyc cannot have,
# and nothing that reads records: JSON has lists for their tuples, which compiled code minds.
MODULES: Final = (
    "schemas/numbers.py",
    "schemas/periods.py",
    "processor/judge.py",
    "processor/rules/achievements.py",
    "processor/rules/boosts.py",
    "processor/rules/corrections.py",
    "processor/rules/course.py",
    "processor/rules/decide.py",
    "processor/rules/freezes.py",
    "processor/rules/game.py",
    "processor/rules/levels.py",
    "processor/rules/others.py",
    "processor/rules/pauses.py",
    "processor/rules/points.py",
    "processor/rules/preferences.py",
    "processor/rules/restore.py",
    "processor/rules/rolling.py",
    "processor/rules/standing.py",
    "processor/rules/streaks.py",
    "processor/rules/time_triggers.py",
    "processor/rules/totals.py",
)

BUILD: Final = """
import sys
from mypyc.build import mypycify
from setuptools import setup

modules = sys.argv[1:]
sys.argv = ["setup", "--quiet", "build_ext", "--inplace"]
setup(name="compiled", packages=[], ext_modules=mypycify(modules, opt_level="3", debug_level="0"))
"""


def main() -> int:
    """Compile; return the process's exit code."""
    if shutil.which("cc") is None and shutil.which("gcc") is None:
        print("a C compiler is needed, and neither cc nor gcc is here", file=sys.stderr)  # noqa: T201  what a command says
        return 1
    fresh = ROOT / ".compiled.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    ignored = shutil.ignore_patterns("__pycache__")
    for room in ROOMS:
        shutil.copytree(ROOT / room, fresh / room, ignore=ignored)
    # mypy's settings: the same strictness, and pydantic's plugin.
    shutil.copy(ROOT / "pyproject.toml", fresh)
    command = [sys.executable, "-c", BUILD, *MODULES]
    done = subprocess.run(command, cwd=fresh, capture_output=True, text=True, check=False)  # noqa: S603  our own program
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)  # noqa: T201  as above
        return done.returncode
    shutil.rmtree(fresh / "build", ignore_errors=True)
    (fresh / "pyproject.toml").unlink()
    shutil.rmtree(TARGET, ignore_errors=True)
    fresh.rename(TARGET)
    (TARGET / "stamp").touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
