"""What make does before anything else: a place for what is pinned, and nobody else's."""

import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_what_another_checkout_has_installed_is_left_alone(tmp_path):
    shared, here = tmp_path / "shared", tmp_path / "here"
    shared.mkdir()
    here.mkdir()
    (shared / "installed").write_text("by another checkout")
    for name in ("Makefile", "requirements-dev.lock"):
        shutil.copy(ROOT / name, here)
    (here / ".venv").symlink_to(shared)
    # Without the check this python would be asked to empty it.
    done = subprocess.run(
        ["make", "-B", ".venv/installed", "PYTHON=true"],
        cwd=here,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "another checkout installs there" in done.stderr
    assert (shared / "installed").read_text() == "by another checkout"


def test_all_that_make_installs_is_pinned_by_hash():
    text = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    (locking,) = (line for line in text.splitlines() if "-r tools/uv.lock" in line)
    (installing,) = (line for line in text.splitlines() if "-r requirements-dev.lock" in line)
    assert all("--require-hashes" in line for line in (locking, installing))
    pinned = (ROOT / "tools" / "uv.lock").read_text(encoding="utf-8")
    assert re.fullmatch(r"uv==[\d.]+( \\\n    --hash=sha256:[0-9a-f]{64})+\n", pinned)
