"""Seals what a client carries for the gateway: it can give it back, but neither read it nor change it.

The cipher is AES-256-GCM. A token is bound to its owner, so that nobody can use another's, and names its key, so that
keys can be rotated: the first key seals, every key opens. What is in a token is `gateway.translate.sealed`.
"""

import base64
import binascii
import contextlib
import hashlib
import logging
import os
import secrets
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.configuration import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_log = logging.getLogger(__name__)

_VERSION = "rgw1."
_KEY_BYTES = 32
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
"""Random: one key is good for 2^32 tokens, which is what the standard allows (NIST SP 800-38D, 8.3)."""


class Sealer:
    """Seals and opens tokens. The first one loads the cipher: 7 MB, which a gateway without reasoning never needs.

    Args:
        keys: 32 bytes each; the first one seals, all of them open.
    """

    __slots__ = ("_ciphers", "_keys", "_sealing_id")

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {_key_id(key): key for key in keys}
        self._ciphers: dict[bytes, AESGCM] = {}
        self._sealing_id = _key_id(keys[0])

    def seal(self, owner: str, payload: bytes) -> str:
        """A token of ASCII letters, digits, dots, dashes and underscores."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher(self._sealing_id).encrypt(nonce, payload, _bound_to(owner))
        return _VERSION + base64.urlsafe_b64encode(self._sealing_id + nonce + sealed).rstrip(b"=").decode()

    def open(self, owner: str, token: str) -> bytes | None:
        """What was sealed; None for a token that is damaged, another owner's, another gateway's or no token at all."""
        data = _decoded(token)
        key_id = data[:_KEY_ID_BYTES]
        if key_id not in self._keys:
            return None
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as the cipher

        nonce, sealed = data[_KEY_ID_BYTES:][:_NONCE_BYTES], data[_KEY_ID_BYTES + _NONCE_BYTES :]
        try:
            return self._cipher(key_id).decrypt(nonce, sealed, _bound_to(owner))
        except (InvalidTag, ValueError):
            return None

    def _cipher(self, key_id: bytes) -> "AESGCM":
        if key_id not in self._ciphers:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - when it is needed

            self._ciphers[key_id] = AESGCM(self._keys[key_id])
        return self._ciphers[key_id]


def sealer_from(path: Path | None) -> Sealer:
    """The sealer with the keys of the file, which is made with a new key if there is none.

    Without a path, or where no file can be made, the key lives as long as the process: tokens of an earlier one cannot
    be opened.

    Raises:
        ConfigurationError: when the file cannot be read or understood.
    """
    if path is None:
        return Sealer([secrets.token_bytes(_KEY_BYTES)])
    try:
        with contextlib.suppress(FileExistsError):
            _create(path)
    except OSError as error:
        fields = {"file": str(path), "reason": error.strerror}
        _log.warning("cannot keep a sealing key: reasoning will not survive a restart", extra={"fields": fields})
        return sealer_from(None)
    try:
        return Sealer(_read_keys(path))
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read: {error.strerror or type(error).__name__}"]) from None


def new_key_line() -> str:
    """A new random key, as one line of the file."""
    return base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _create(path: Path) -> None:
    """In one step: of processes that start at once, one makes the file, and none reads half of it."""
    if path.exists():
        return
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write("# Keys that seal reasoning for clients. The first one seals, all of them open.\n")
            file.write(new_key_line() + "\n")
        os.link(name, path)
    finally:
        Path(name).unlink()


def _read_keys(path: Path) -> list[bytes]:
    lines = [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    keys = [_key(line) for line in lines if line and not line.startswith("#")]
    if not keys or None in keys:
        raise ConfigurationError([f"{path}: must hold keys of {_KEY_BYTES} bytes in base64, one a line"])
    return [key for key in keys if key is not None]


def _key(line: str) -> bytes | None:
    try:
        key = base64.urlsafe_b64decode(line)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == _KEY_BYTES else None


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"key id:" + key).digest()[:_KEY_ID_BYTES]


def _bound_to(owner: str) -> bytes:
    return f"{_VERSION}{owner}".encode()


def _decoded(token: str) -> bytes:
    if not token.startswith(_VERSION):
        return b""
    text = token.removeprefix(_VERSION)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
