from pathlib import Path

import pytest

from gateway.access.whole_file import locked, write_whole


def test_a_file_is_replaced_whole_and_keeps_who_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, b"one")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"one", 0o600)
    path.chmod(0o640)
    before = path.stat().st_ino
    write_whole(path, b"two")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"two", 0o640)
    assert path.stat().st_ino != before
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"one")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", b"two")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"two"


def test_who_does_not_wait_is_told_that_somebody_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with locked(path), pytest.raises(BlockingIOError), locked(path, waits=False):
        pytest.fail("it is held")
    with locked(path, waits=False):
        assert not path.exists()
