import hashlib
import logging
import re
from pathlib import Path

import pytest

from gateway.access.issuing import add_key, revoke_key
from gateway.access.keys import (
    MAX_KEY_LENGTH,
    KeyRecord,
    KeyRing,
    KeyStore,
    from_environment,
    from_records,
    new_key,
    read_records,
)
from gateway.configuration import ConfigurationError
from gateway.settings import KeyLimits


def bearer(key: str) -> str:
    return f"Bearer {key}"


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


# Keys


def test_a_new_key_has_an_id_and_256_random_bits() -> None:
    text, key_id = new_key()
    assert re.fullmatch(rf"rgw_{key_id}_[A-Za-z0-9_-]{{43}}", text)
    assert re.fullmatch(r"[0-9a-f]{8}", key_id)
    assert text != new_key()[0]


# Which key a request carries


@pytest.mark.parametrize("header", ["Bearer one", "bearer one", "BEARER   one", "Bearer one "])
def test_a_known_key_is_found(header: str) -> None:
    key = from_environment("one,two").authenticate(header)
    assert key is not None
    assert key.name == "env-1"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "one",
        "Bearer",
        "Bearer ",
        "Basic one",
        "Bearerone",
        "Bearer\tone",
        "Bearer on",
        "Bearer onee",
        "Bearer ONE",
        "Bearer one two",
        "Bearer one,two",
        "Bearer one\x00",
        "Bearer onë",
        "Bearer \udcff",
        "Bearer " + "x" * 8000,
    ],
)
def test_anything_else_is_no_key(header: str | None) -> None:
    assert from_environment("one,two,x").authenticate(header) is None


def test_an_empty_ring_lets_nobody_in() -> None:
    assert KeyRing().authenticate("Bearer x") is None
    assert len(KeyRing()) == 0


def test_the_digest_of_nothing_in_the_file_lets_nobody_in() -> None:
    ring = from_records([KeyRecord("a", "empty", digest(""))])
    assert [ring.authenticate(header) for header in (None, "", "Bearer", "Bearer ")] == [None] * 4


def test_what_is_cut_off_from_a_long_text_does_not_make_it_a_key() -> None:
    longest = "k" * MAX_KEY_LENGTH
    ring = from_environment(longest)
    assert ring.authenticate(bearer(longest)) is not None
    assert ring.authenticate(bearer(longest + "k")) is None


def test_a_replaced_character_does_not_make_a_key() -> None:
    assert from_environment("a?b").authenticate("Bearer a\udcffb") is None


def test_a_ring_shows_no_digests() -> None:
    assert "digest" not in repr(from_environment("one"))
    assert digest("one") not in repr(from_environment("one"))


# Keys of the environment


def test_keys_of_the_environment_are_numbered_and_have_stable_ids() -> None:
    ring = from_environment(" one ,,two,")
    keys = [ring.authenticate(bearer(text)) for text in ("one", "two")]
    assert [key.name for key in keys if key] == ["env-1", "env-2"]
    again = from_environment("two").authenticate("Bearer two")
    assert keys[1] is not None
    assert again is not None
    assert again.id == keys[1].id


def test_the_id_is_no_part_of_the_stored_digest() -> None:
    key = from_environment("one").authenticate("Bearer one")
    assert key is not None
    assert key.id not in digest("one")


@pytest.mark.parametrize("value", ["", " ", ",", " , "])
def test_an_empty_variable_is_no_keys(value: str) -> None:
    assert len(from_environment(value)) == 0


@pytest.mark.parametrize("value", ["ok,ge heim", "ok,gehéim", "ok,ge\x01heim", "ok,geheim" + "x" * MAX_KEY_LENGTH])
def test_a_key_that_cannot_be_sent_is_refused_without_its_text(value: str) -> None:
    with pytest.raises(ConfigurationError, match="GATEWAY_API_KEYS: key 2 is not") as caught:
        from_environment(value)
    assert "heim" not in str(caught.value)


# The file


@pytest.mark.parametrize(
    "text",
    [
        "keys = = 1",
        "keys = 1",
        "other = 1",
        '[[keys]]\nid = "a"',
        f'[[keys]]\nid = "a"\nname = "a"\nsha256 = "{digest("x")[:-1]}"',
        f'[[keys]]\nid = "a"\nname = "a"\nsha256 = "{digest("x").upper()}"',
        f'[[keys]]\nid = "a"\nname = "a"\nsha256 = {digest("x")}',
        f'[[keys]]\nid = "a b"\nname = "a"\nsha256 = "{digest("x")}"',
        f'[[keys]]\nid = "a"\nname = "a"\nsha256 = "{digest("x")}"\nkey = "x"',
    ],
)
def test_a_broken_file_is_refused_without_repeating_it(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="is not a keys file") as caught:
        read_records(path)
    assert digest("x")[:8] not in str(caught.value).lower()


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        read_records(tmp_path)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        read_records(binary)


# The store


def test_file_and_environment_are_valid_together(path: Path) -> None:
    text = add_key(path, "a")
    ring = KeyStore(path, "one").ring
    assert len(ring) == 2
    assert ring.authenticate(bearer(text)) is not None
    assert ring.authenticate("Bearer one") is not None


def test_without_a_path_only_the_environment_counts_and_nothing_changes() -> None:
    store = KeyStore(None, "one")
    assert len(store.ring) == 1
    assert not store.changed()
    assert store.reload()


def test_a_change_is_seen_and_taken_over(path: Path) -> None:
    first = add_key(path, "a")
    store = KeyStore(path)
    assert not store.changed()
    second = add_key(path, "b")
    revoke_key(path, "a")
    assert store.changed()
    assert store.reload()
    assert not store.changed()
    assert store.ring.authenticate(bearer(first)) is None
    assert store.ring.authenticate(bearer(second)) is not None


def test_a_ring_in_use_does_not_change(path: Path) -> None:
    text = add_key(path, "a")
    store = KeyStore(path)
    ring = store.ring
    revoke_key(path, "a")
    store.reload()
    assert ring.authenticate(bearer(text)) is not None
    assert store.ring is not ring


def test_a_broken_file_keeps_the_old_keys_and_is_logged_without_its_content(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = add_key(path, "a")
    store = KeyStore(path)
    path.write_text(path.read_text().replace("sha256 =", "sha256 = ="))
    assert store.changed()
    assert not store.reload()
    assert not store.changed()  # a broken file is told once, not at each look
    assert store.ring.authenticate(bearer(text)) is not None
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "is not a keys file" in str(record.__dict__["fields"])
    assert digest(text)[:8] not in str(record.__dict__)
    assert store.is_refused
    path.unlink()
    assert store.reload()
    assert [store.is_refused] == [False]


def test_a_broken_file_at_the_start_is_a_wrong_configuration(path: Path) -> None:
    path.write_text("keys = 1")
    with pytest.raises(ConfigurationError):
        KeyStore(path)


def test_a_missing_file_is_no_keys_and_is_told_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    store = KeyStore(path)
    assert store.reload()
    assert len(store.ring) == 0
    assert [record.getMessage() for record in caplog.records] == ["there is no keys file"]


def test_a_removed_file_takes_its_keys_with_it(path: Path) -> None:
    text = add_key(path, "a")
    store = KeyStore(path, "one")
    path.unlink()
    assert store.changed()
    assert store.reload()
    assert store.ring.authenticate(bearer(text)) is None
    assert len(store.ring) == 1


def test_no_key_and_no_digest_is_ever_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    text = add_key(path, "a")
    store = KeyStore(path, "one-geheim")
    store.ring.authenticate(bearer(text))
    store.reload()
    revoke_key(path, "a")
    store.reload()
    told = str([record.__dict__ for record in caplog.records]) + repr(store) + repr(store.ring)
    assert not any(secret in told for secret in (text, digest(text), "geheim", digest("one-geheim")))


def test_a_key_can_be_held_to_some_models(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    held, free = add_key(path, "held", models=("coder", "local/*")), add_key(path, "free")
    ring = from_records(read_records(path))
    found = [ring.authenticate(f"Bearer {text}") for text in (held, free)]
    assert [key.models for key in found if key is not None] == [("coder", "local/*"), ()]
    assert path.read_text().count("models") == 1


def test_a_key_can_have_a_default_model(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    own, plain = add_key(path, "own", default_model="up/m"), add_key(path, "plain")
    ring = from_records(read_records(path))
    found = [ring.authenticate(f"Bearer {text}") for text in (own, plain)]
    assert [key.default_model for key in found if key is not None] == ["up/m", ""]
    assert path.read_text().count("default_model") == 1


def test_a_key_can_have_limits_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    held = add_key(path, "held", limits=KeyLimits(requests_per_minute=60, max_concurrency=0))
    free = add_key(path, "free")
    ring = from_records(read_records(path))
    found = [ring.authenticate(bearer(text)) for text in (held, free)]
    assert [key.limits for key in found if key is not None] == [
        KeyLimits(requests_per_minute=60, max_concurrency=0),
        KeyLimits(),
    ]
    assert path.read_text().count("max_concurrency") == 1


def test_a_limit_below_nothing_makes_the_file_a_broken_one(path: Path) -> None:
    add_key(path, "ann", limits=KeyLimits(max_concurrency=1))
    path.write_text(path.read_text().replace("max_concurrency = 1", "max_concurrency = -1"))
    with pytest.raises(ConfigurationError, match="not a keys file"):
        read_records(path)
