"""The known bugs that `make planted` puts in: each still has its place in the sources."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load():
    spec = importlib.util.spec_from_file_location("planted", ROOT / "tools" / "planted.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["planted"] = module
    spec.loader.exec_module(module)
    return module


planted = load()


@pytest.mark.parametrize("bug", planted.BUGS, ids=lambda bug: bug.name)
def test_a_bug_fits_and_leaves_python(bug, tmp_path):
    path = tmp_path / bug.file
    path.parent.mkdir(parents=True)
    path.write_text((ROOT / bug.file).read_text())
    planted.plant(bug, tmp_path)
    assert path.read_text() != (ROOT / bug.file).read_text()
    compile(path.read_text(), bug.file, "exec")
