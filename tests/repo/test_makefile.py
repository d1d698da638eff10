"""What make does before anything else: a place for what is pinned, and nobody else's."""

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
