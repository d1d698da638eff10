"""What is written is for the user who runs this and for nobody else."""

import os
import stat

import pytest

from ops.private import make_private, write_privately


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def _usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_directory_is_made_for_its_user_alone(tmp_path):
    make_private(tmp_path / "a" / "b")
    assert mode(tmp_path / "a" / "b") == 0o700


def test_one_that_is_open_is_closed_and_keeps_what_is_in_it(tmp_path):
    (tmp_path / "data").mkdir(mode=0o755)
    (tmp_path / "data" / "file").write_text("kept")
    make_private(tmp_path / "data")
    assert mode(tmp_path / "data") == 0o700
    assert (tmp_path / "data" / "file").read_text() == "kept"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a directory away")
def test_one_of_somebody_else_stays_as_it_is(tmp_path):
    (tmp_path / "theirs").mkdir(mode=0o755)
    os.chown(tmp_path / "theirs", 65534, 65534)
    make_private(tmp_path / "theirs")
    assert mode(tmp_path / "theirs") == 0o755


def test_what_is_written_from_then_on_is_closed(tmp_path):
    (tmp_path / "before").touch()
    write_privately()
    (tmp_path / "after").touch()
    assert (mode(tmp_path / "before"), mode(tmp_path / "after")) == (0o644, 0o600)
