"""The keys of clients: how they look, which one a request carries, and how the file in which they are kept is read.

A key is 256 random bits, so a plain SHA-256 of it is safe to store and costs a microsecond to check. The text of a key
is shown once, to the one who made it: neither it nor its digest is in any log line or error. No HTTP here.
"""

import hashlib
import hmac
import logging
import secrets
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec

from gateway.configuration import ConfigurationError
from gateway.settings import KeyLimits

_log = logging.getLogger(__name__)

MAX_KEY_LENGTH = 512
"""Longer texts are no keys: they are refused before their length costs anything."""

NO_LIMITS = KeyLimits()
"""Those of a key that has none of its own."""

_NO_ENTRY = (bytes(32), None)


@dataclass(frozen=True, slots=True)
class Key:
    """Who a request is from: `id` is safe to log and to count by, `name` is the operator's word for it.

    What belongs to the `owner` outlives a key: a new key with the name of an old one has the same owner. Keys of the
    environment have no name of their own, so each is its own owner.
    """

    id: str
    name: str
    owner: str
    default_model: str = ""
    """What a request without a model is for."""
    models: tuple[str, ...] = ()
    """Shell patterns of the public ids that it may ask for; none for all."""
    limits: KeyLimits = NO_LIMITS


class KeyRecord(KeyLimits, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One `[[keys]]` of the keys file."""

    id: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
    name: Annotated[str, msgspec.Meta(pattern=r"\A[^\x00-\x1f\x7f-\x9f]{1,100}\Z")]
    sha256: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    created: str = ""
    default_model: str = ""
    models: tuple[str, ...] = ()

    @property
    def limits(self) -> KeyLimits:
        """The limits that it has of its own."""
        own = KeyLimits(**{name: getattr(self, name) for name in KeyLimits.__struct_fields__})
        return NO_LIMITS if own == NO_LIMITS else own


class _KeysDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    keys: tuple[KeyRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys that are valid, found by their digest. Never changes: a reload makes another one."""

    entries: Mapping[bytes, tuple[bytes, Key]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.entries)

    def authenticate(self, authorization_header: str | None) -> Key | None:
        """The key that the `Authorization` header carries, or None.

        A missing, a malformed and an unknown key take the same steps, so that the time tells them apart from nothing.
        """
        token, is_well_formed = _bearer_token(authorization_header or "")
        digest = hashlib.sha256(token).digest()
        stored, key = self.entries.get(digest, _NO_ENTRY)
        is_known = hmac.compare_digest(stored, digest)
        return key if is_known and is_well_formed else None

    def joined(self, other: "KeyRing") -> "KeyRing":
        """A ring with the keys of both."""
        return KeyRing({**self.entries, **other.entries})


def _bearer_token(header: str) -> tuple[bytes, bool]:
    scheme, _, rest = header.partition(" ")
    token = rest.strip(" ")
    is_well_formed = scheme.lower() == "bearer" and _is_key_text(token)
    return token[:MAX_KEY_LENGTH].encode("ascii", "replace"), is_well_formed


def _is_key_text(text: str) -> bool:
    return 0 < len(text) <= MAX_KEY_LENGTH and text.isascii() and text.isprintable() and " " not in text


def from_environment(value: str) -> KeyRing:
    """The ring of a comma-separated list of keys, which are called `env-1`, `env-2`, ...

    Raises:
        ConfigurationError: when one of them could not be sent in a header.
    """
    texts = [text.strip() for text in value.split(",") if text.strip()]
    bad = [index for index, text in enumerate(texts, 1) if not _is_key_text(text)]
    if bad:
        raise ConfigurationError(
            f"GATEWAY_API_KEYS: key {index} is not 1 to {MAX_KEY_LENGTH} printable ASCII characters without spaces"
            for index in bad
        )
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    return _ring(
        (digest, Key(_public_id(digest), f"env-{index}", f"env:{_public_id(digest)}"))
        for index, digest in enumerate(digests, 1)
    )


def _ring(pairs: Iterable[tuple[bytes, Key]]) -> KeyRing:
    return KeyRing({digest: (digest, key) for digest, key in pairs})


def _public_id(digest: bytes) -> str:
    """A stable id for a key that has none; hashed once more, so that no part of the digest gets into logs."""
    return hashlib.sha256(b"id:" + digest).hexdigest()[:8]


def from_records(records: Iterable[KeyRecord]) -> KeyRing:
    """The ring of the keys file's records."""
    return _ring(
        (
            bytes.fromhex(record.sha256),
            Key(record.id, record.name, f"name:{record.name}", record.default_model, record.models, record.limits),
        )
        for record in records
    )


def new_key() -> tuple[str, str]:
    """A new random key and its public id: `rgw_<id>_<256 bits>`; the fixed start lets secret scanners find it."""
    key_id = secrets.token_hex(4)
    return f"rgw_{key_id}_{secrets.token_urlsafe(32)}", key_id


def read_records(path: Path) -> tuple[KeyRecord, ...]:
    """What is in the keys file; nothing when there is none.

    Raises:
        ConfigurationError: when the file cannot be read or is not a keys file.
    """
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _KeysDocument).keys
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read: {error.strerror or type(error).__name__}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{path}: is not UTF-8 (byte {error.start})"]) from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigurationError([f"{path}: is not a keys file: {error}"]) from None


Signature = tuple[int, int, int, int]


class KeyStore:
    """The keys that are valid now: those of the environment, and those of the file as last read.

    Args:
        path: the keys file; None when there is to be none.
        environment_keys: the value of `GATEWAY_API_KEYS`.

    Raises:
        ConfigurationError: when either is broken. Later, at a reload, a broken file only keeps the old keys.
    """

    def __init__(self, path: Path | None, environment_keys: str | None = None) -> None:
        self._path = path
        self._environment_ring = from_environment(environment_keys or "")
        self._is_missing = False
        self._is_refused = False
        self._signature: Signature | None = None
        self._ring = self.read()
        self._has_had_keys = len(self._ring) > 0

    @property
    def is_open(self) -> bool:
        """Whether requests need no key: only while there has never been one. Revoking the last key opens nothing."""
        return not self._has_had_keys

    @property
    def ring(self) -> KeyRing:
        """The valid keys. Ask for it anew with each request."""
        return self._ring

    @property
    def is_refused(self) -> bool:
        """Whether the file has been read since and was refused: the valid keys are not those that it has."""
        return self._is_refused

    def changed(self) -> bool:
        """Whether the file is another one than that last read. Costs one `stat`."""
        return self._file_signature() != self._signature

    def reload(self, check: Callable[[KeyRing], None] = lambda _: None) -> bool:
        """Read the file again. When it is broken, the old keys stay, the reason is logged, and the answer is False.

        Args:
            check: raises ConfigurationError when there is something wrong with the keys.
        """
        try:
            ring = self.read()
            check(ring)
        except ConfigurationError as error:
            self._is_refused = True
            _log.error("keys file refused, the old keys stay valid", extra={"fields": {"problems": error.problems}})
            return False
        self.take(ring)
        return True

    def take(self, ring: KeyRing) -> None:
        """Make these the valid keys."""
        self._is_refused = False
        self._ring = ring
        self._has_had_keys = self._has_had_keys or len(ring) > 0
        _log.info("keys loaded", extra={"fields": {"keys": len(ring)}})

    def read(self) -> KeyRing:
        """The keys of the environment and of the file as it is now; the valid ones stay as they are.

        Raises:
            ConfigurationError: when the file is broken.
        """
        # The signature comes first: a change between the two reads is then seen as one, at the next look.
        self._signature = self._file_signature()
        if self._path is None:
            return self._environment_ring
        ring = from_records(read_records(self._path)).joined(self._environment_ring)
        self._note_missing(self._path)
        return ring

    def _note_missing(self, path: Path) -> None:
        is_missing = not path.exists()
        if is_missing and not self._is_missing:
            _log.warning("there is no keys file", extra={"fields": {"file": str(path)}})
        self._is_missing = is_missing

    def _file_signature(self) -> Signature | None:
        if self._path is None:
            return None
        try:
            status = self._path.stat()
        except OSError:
            return None
        # The change time shows a file that has become readable, which the modification time does not.
        return status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns
