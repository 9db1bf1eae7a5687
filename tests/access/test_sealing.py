"""Sealed tokens: only their owner's gateway opens them, whatever is done to them."""

import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.access.sealing import Sealer, new_key_line, sealer_from
from gateway.configuration import ConfigurationError

OLD, NEW = b"o" * 32, b"n" * 32


@given(st.binary(max_size=200), st.text(max_size=20))
def test_a_token_gives_back_what_was_sealed(payload: bytes, owner: str) -> None:
    sealer = Sealer([OLD])
    token = sealer.seal(owner, payload)
    assert token.replace("-", "").replace("_", "").replace(".", "").isalnum()
    assert sealer.open(owner, token) == payload


def test_two_gateways_that_share_a_key_open_each_others_tokens() -> None:
    assert Sealer([OLD]).open("ada", Sealer([OLD]).seal("ada", b"x")) == b"x"


def test_another_owner_cannot_open_a_token() -> None:
    sealer = Sealer([OLD])
    assert sealer.open("bob", sealer.seal("ada", b"x")) is None


def test_a_rotated_key_still_opens_old_tokens_and_no_longer_seals() -> None:
    token = Sealer([OLD]).seal("ada", b"x")
    rotated = Sealer([NEW, OLD])
    assert rotated.open("ada", token) == b"x"
    assert Sealer([OLD]).open("ada", rotated.seal("ada", b"x")) is None


@given(st.integers(0, 80), st.characters(codec="ascii"))
def test_a_changed_token_is_not_opened(position: int, character: str) -> None:
    token = Sealer([OLD]).seal("ada", b"some reasoning")
    position %= len(token) - 1
    changed = token[:position] + character + token[position + 1 :]
    assert changed == token or Sealer([OLD]).open("ada", changed) is None


@pytest.mark.parametrize("token", ["", "x", "rgw1.", "rgw1.!!!", "gAAAAABfoo", "rgw1.é", "rgw1." + "A" * 30])
def test_what_is_no_token_is_not_opened(token: str) -> None:
    assert Sealer([OLD]).open("ada", token) is None


def test_a_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "sealing.keys"
    token = sealer_from(path).seal("ada", b"x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sealer_from(path).open("ada", token) == b"x"


def test_a_key_is_rotated_by_a_new_first_line(tmp_path: Path) -> None:
    path = tmp_path / "sealing.keys"
    token = sealer_from(path).seal("ada", b"x")
    path.write_text(f"# rotated\n{new_key_line()}\n{path.read_text()}")
    assert sealer_from(path).open("ada", token) == b"x"


@pytest.mark.parametrize("content", ["", "# nothing\n", "short\n", "é\n", "not base64 at all but rather long text!\n"])
def test_a_broken_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sealing.keys"
    path.write_text(content)
    with pytest.raises(ConfigurationError):
        sealer_from(path)


def test_where_no_file_can_be_made_the_key_is_the_processs_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sealer = sealer_from(tmp_path / "missing" / "sealing.keys")
    assert sealer.open("ada", sealer.seal("ada", b"x")) == b"x"
    assert "will not survive a restart" in caplog.text


def test_without_a_file_the_key_is_the_processs_own() -> None:
    assert sealer_from(None).open("ada", sealer_from(None).seal("ada", b"x")) is None


def test_processes_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    """As the instances of a service do on their first start: none may read a file that another is still writing."""
    at_once = 8
    for number in range(40):
        path, barrier = tmp_path / f"{number}.keys", threading.Barrier(at_once)

        def start(path: Path = path, barrier: threading.Barrier = barrier) -> Sealer:
            barrier.wait(10)
            return sealer_from(path)

        with ThreadPoolExecutor(at_once) as pool:
            sealers = [one.result() for one in [pool.submit(start) for _ in range(at_once)]]
        token = sealers[0].seal("owner", b"payload")
        assert [each.open("owner", token) for each in sealers] == [b"payload"] * at_once
    assert sorted(tmp_path.iterdir()) == sorted(tmp_path / f"{number}.keys" for number in range(40))


def test_a_gateway_that_has_sealed_nothing_has_not_loaded_the_cipher() -> None:
    code = "import sys, gateway.server; print(any(name.startswith('cryptography') for name in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert loaded.stdout == "False\n"
