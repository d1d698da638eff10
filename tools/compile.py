"""Compile the rules and the judge with mypyc into .compiled/: the same sources, faster.

The compiled tree is a copy of every room with extension modules beside the sources of those named
here. Nothing in the checkout is shadowed by it: `xp` uses it as long as no source is newer. What
was compiled once is kept until one of its sources changes. Without a C compiler everything runs as
plain Python, which stays the reference: the tests run on both.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
TARGET: Final = ROOT / ".compiled"
# The checksum of what the extension modules were made of; its date says how new the copies are.
STAMP: Final = "stamp"
ROOMS: Final = (
    *("schemas", "broker", "processor", "projections", "contract", "gateway", "notifier", "ops"),
)
# The rooms whose sources the compiled modules see.
SEEN: Final = ("schemas", "broker", "processor")

# What an event passes on its way through the judge. Neither Structs nor models: mypyc cannot have
# them.
MODULES: Final = (
    "schemas/calendar.py",
    "schemas/instants.py",
    "schemas/numbers.py",
    "schemas/periods.py",
    "schemas/zones.py",
    "schemas/inputs/reading.py",
    "processor/due_times.py",
    "processor/hashed_rows.py",
    "processor/judge.py",
    "processor/judge_partition.py",
    "processor/messages.py",
    "processor/outgoing.py",
    "processor/partition_state.py",
    "processor/recorded.py",
    "processor/rows.py",
    "processor/used_keys.py",
    "processor/user_cache.py",
    "processor/user_states.py",
    "processor/rules/achievements.py",
    "processor/rules/attributes.py",
    "processor/rules/boosts.py",
    "processor/rules/commands.py",
    "processor/rules/compiling.py",
    "processor/rules/compiling_points.py",
    "processor/rules/corrections.py",
    "processor/rules/decide.py",
    "processor/rules/decision.py",
    "processor/rules/elapsed_time.py",
    "processor/rules/evolve.py",
    "processor/rules/freezes.py",
    "processor/rules/goals.py",
    "processor/rules/levels.py",
    "processor/rules/pauses.py",
    "processor/rules/points.py",
    "processor/rules/preferences.py",
    "processor/rules/restore.py",
    "processor/rules/ruleset.py",
    "processor/rules/streaks.py",
    "processor/rules/time_triggers.py",
    "processor/rules/totals.py",
    "processor/rules/triggers.py",
    "processor/rules/users.py",
)

BUILD: Final = """
import sys
from mypyc.build import mypycify
from setuptools import setup

modules = sys.argv[1:]
sys.argv = ["setup", "--quiet", "build_ext", "--inplace"]
setup(name="compiled", packages=[], ext_modules=mypycify(modules, opt_level="3", debug_level="0"))
"""


def checksum() -> str:
    """Return the checksum of all that the extension modules depend on."""
    found = hashlib.sha256(sys.version.encode())
    paths = [it for room in SEEN for it in sorted((ROOT / room).rglob("*.py"))]
    for path in (*paths, Path(__file__), ROOT / "requirements-dev.lock"):
        found.update(str(path.relative_to(ROOT)).encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def copy_rooms(target: Path) -> None:
    """Copy every room over what is there; what a room no longer has is removed."""
    ignored = shutil.ignore_patterns("__pycache__")
    for room in ROOMS:
        shutil.copytree(ROOT / room, target / room, ignore=ignored, dirs_exist_ok=True)
        for path in sorted((target / room).rglob("*"), reverse=True):
            if not (ROOT / path.relative_to(target)).exists() and path.suffix != ".so":
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def compile_into(target: Path) -> str:
    """Make the extension modules in a copy of the rooms; return the compiler's complaints."""
    # mypy's settings: the same strictness, and pydantic's plugin.
    shutil.copy(ROOT / "pyproject.toml", target)
    command = [sys.executable, "-c", BUILD, *MODULES]
    done = subprocess.run(command, cwd=target, capture_output=True, text=True, check=False)  # noqa: S603  our own program
    if done.returncode:
        return done.stdout + done.stderr
    shutil.rmtree(target / "build", ignore_errors=True)
    (target / "pyproject.toml").unlink()
    return ""


def main() -> int:
    """Compile what is not compiled yet, say so in one line; return the process's exit code."""
    parser = argparse.ArgumentParser(prog="compile", description=__doc__)
    parser.add_argument("--required", action="store_true", help="fail where there is no compiler")
    given = parser.parse_args()
    wanted = checksum()
    stamp = TARGET / STAMP
    if stamp.exists() and stamp.read_text() == wanted:
        copy_rooms(TARGET)
        stamp.touch()
        return 0
    if shutil.which("cc") is None and shutil.which("gcc") is None:
        shutil.rmtree(TARGET, ignore_errors=True)
        say("Rules     plain Python: there is no C compiler (cc or gcc) to make them faster")
        return int(given.required)
    say("Rules     compiling, once for these sources (about half a minute) ...")
    fresh = ROOT / ".compiled.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    copy_rooms(fresh)
    complaints = compile_into(fresh)
    if complaints:
        say(complaints)
        say("Rules     plain Python: they could not be compiled")
        return 1 if given.required else 0
    shutil.rmtree(TARGET, ignore_errors=True)
    fresh.rename(TARGET)
    stamp.write_text(wanted)
    return 0


def say(text: str) -> None:
    """Print what a person at a terminal is to know."""
    print(text, file=sys.stderr)  # noqa: T201  what a command says


if __name__ == "__main__":
    sys.exit(main())
