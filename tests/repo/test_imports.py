"""Who imports whom: the contracts in pyproject.toml hold, and the rooms are this checkout's own.

The second implementation of the rules, tests/reference/, is no package and therefore out of
import-linter's sight; its imports are read from the source here.
"""

import ast
import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = PROJECT["tool"]["importlinter"]["root_packages"]
REFERENCE = sorted((ROOT / "tests" / "reference").rglob("*.py"))


def imported(file):
    """Find the top-level names that a file imports, relative imports left out."""
    for node in ast.walk(ast.parse(file.read_text(), filename=str(file))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").partition(".")[0]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_imported_from_beside_pyproject(room):
    assert Path(importlib.import_module(room).__file__ or "").parent == ROOT / room


def test_every_package_is_listed_by_name():
    found = {
        ".".join(file.parent.relative_to(ROOT).parts)
        for room in ROOMS
        for file in (ROOT / room).rglob("__init__.py")
    }
    assert found == set(PROJECT["tool"]["setuptools"]["packages"])


def test_the_contracts_between_the_rooms_hold():
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("file", REFERENCE, ids=lambda file: file.stem)
def test_the_second_implementation_imports_nothing_of_ours_but_schemas(file):
    forbidden = {*ROOMS, "given", "stack"} - {"schemas"}
    assert not set(imported(file)) & forbidden


def test_there_is_a_second_implementation():
    assert REFERENCE


def test_the_image_takes_every_room():
    assert {f"!{room}" for room in ROOMS} <= set((ROOT / ".dockerignore").read_text().splitlines())


def test_no_folder_of_tests_has_the_name_of_a_room():
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert not folders & {*ROOMS, "tests"}


def test_tests_have_no_init_files():
    assert not list((ROOT / "tests").rglob("__init__.py"))


@pytest.mark.parametrize("room", ["contract", "gateway", "notifier", "projections"])
def test_no_file_of_a_room_around_the_ledger_is_longer_than_250_lines(room):
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    assert [it.name for it in files if len(it.read_text().splitlines()) > 250] == []
