import hashlib
import os
import re
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gateway.access.issuing import add_key, revoke_key
from gateway.access.keys import Key, KeyStore, read_records


def test_an_added_key_is_valid_and_only_its_digest_is_in_the_file(path: Path) -> None:
    text = add_key(path, "Ann's laptop")
    assert text not in path.read_text()
    (entry,) = tomllib.loads(path.read_text())["keys"]
    assert entry["sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", entry["created"])
    assert KeyStore(path).ring.authenticate(f"Bearer {text}") == Key(entry["id"], "Ann's laptop", "name:Ann's laptop")


def test_a_revoked_key_is_gone_by_name_or_by_id(path: Path) -> None:
    texts = {name: add_key(path, name) for name in ("a", "b", "c")}
    assert revoke_key(path, "a").name == "a"
    b_id = next(record.id for record in read_records(path) if record.name == "b")
    assert revoke_key(path, b_id).name == "b"
    ring = KeyStore(path).ring
    assert [name for name, text in texts.items() if ring.authenticate(f"Bearer {text}")] == ["c"]


def test_an_unknown_name_cannot_be_revoked(path: Path) -> None:
    with pytest.raises(LookupError, match="no key 'x'"):
        revoke_key(path, "x")


def test_a_name_is_used_once(path: Path) -> None:
    add_key(path, "a")
    (record,) = read_records(path)
    for name in ("a", record.id):
        with pytest.raises(ValueError, match="already"):
            add_key(path, name)


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[31m", "x" * 101])
def test_a_name_is_one_short_printable_line(path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="1 to 100 characters"):
        add_key(path, name)
    assert not path.exists()


def test_a_new_file_is_only_for_its_owner(path: Path) -> None:
    add_key(path, "a")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_its_group_may_read_stays_so_and_the_world_never_may(path: Path) -> None:
    add_key(path, "a")
    path.chmod(0o644)
    add_key(path, "b")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    add_key(real, "a")
    path.symlink_to(real)
    add_key(path, "b")
    assert path.is_symlink()
    assert [record.name for record in read_records(real)] == ["a", "b"]


def test_keys_added_at_the_same_time_are_all_kept(path: Path) -> None:
    code = "import sys, pathlib; from gateway.access.issuing import add_key\nfor i in range(5): add_key(pathlib.Path(sys.argv[1]), sys.argv[2] + str(i))"
    adding = [subprocess.Popen([sys.executable, "-c", code, str(path), name]) for name in "ab"]
    assert [process.wait(timeout=60) for process in adding] == [0, 0]
    assert sorted(record.name for record in read_records(path)) == [f"{name}{i}" for name in "ab" for i in range(5)]


def test_a_failed_write_leaves_the_old_file_and_no_other(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_key(path, "a")
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        add_key(path, "b")
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
