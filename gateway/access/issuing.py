"""Makes and revokes the keys of clients: the one place that writes the keys file.

What serves only reads it (`gateway.access.keys`).
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import tomli_w

from gateway.access.keys import NO_LIMITS, KeyRecord, new_key, read_records
from gateway.access.whole_file import locked, write_whole
from gateway.settings import KeyLimits


def add_key(
    path: Path,
    name: str,
    *,
    default_model: str = "",
    models: tuple[str, ...] = (),
    limits: KeyLimits = NO_LIMITS,
) -> str:
    """Make a key, write its digest into the file, and return its text, which is kept nowhere.

    Args:
        path: the keys file.
        name: what the operator calls the key.
        default_model: the model of its requests that name none.
        models: shell patterns of the models that it may ask for; none for all.
        limits: those that go before `[limits]`.

    Raises:
        ValueError: when the name is taken or cannot be one.
        ConfigurationError: when the file is not a keys file.
    """
    with locked(path):
        records = read_records(path)
        if any(name in (record.name, record.id) for record in records):
            raise ValueError(f"there is a key {name!r} already")
        text, key_id = new_key()
        created = datetime.now(UTC).isoformat(timespec="seconds")
        digest = hashlib.sha256(text.encode()).hexdigest()
        own = msgspec.to_builtins(limits)
        record = _checked(KeyRecord(key_id, name, digest, created, default_model, models, **own))
        _write_records(path, (*records, record))
    return text


def _checked(record: KeyRecord) -> KeyRecord:
    try:
        return msgspec.convert(msgspec.to_builtins(record), KeyRecord)
    except msgspec.ValidationError:
        raise ValueError("a name has 1 to 100 characters, and no control characters") from None


def revoke_key(path: Path, name_or_id: str) -> KeyRecord:
    """Take a key out of the file.

    Raises:
        LookupError: when there is no such key.
        ConfigurationError: when the file is not a keys file.
    """
    with locked(path):
        records = read_records(path)
        for record in records:
            if name_or_id in (record.id, record.name):
                _write_records(path, tuple(other for other in records if other is not record))
                return record
    raise LookupError(f"there is no key {name_or_id!r}")


def _write_records(path: Path, records: Iterable[KeyRecord]) -> None:
    write_whole(path, tomli_w.dumps({"keys": [msgspec.to_builtins(record) for record in records]}).encode())
