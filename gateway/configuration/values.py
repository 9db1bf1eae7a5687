"""What a single value must be beyond its type and range: an address, what fits a header, a request that stays whole."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

import msgspec

from gateway.configuration.problems import joined, nearest
from gateway.dialects.table import PRESETS
from gateway.settings import LimitsSettings, ProviderSettings, Quirks, StateSettings

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_HEADERS = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""They say how a request and its connection are framed: a second value would make two requests of one."""
_NEVER_HOSTED = frozenset({"function", "custom", "namespace"})
_NEVER_SET = frozenset({"model", "messages", "stream", "stream_options"})
_NEVER_DROPPED = ("model", "messages", "stream")


def _url_problems(value: object) -> Iterator[str]:
    url = str(value)
    try:
        parts = urlsplit(url)
        valid = bool(parts.hostname) and parts.port != 0
    except ValueError:
        yield ": is not a valid URL"
        return
    if parts.scheme not in {"http", "https"} or not valid:
        yield ": must be http://HOST or https://HOST, with a port and a path where they are needed"
    if parts.username is not None or parts.password is not None:
        yield ": must not contain credentials; a key belongs into api_key"
    if "?" in url or "#" in url:
        yield ": must not contain a query or a fragment"
    if not url.isascii() or not url.isprintable() or " " in url:
        yield ": must be printable ASCII without spaces"


def _api_key_problems(value: object) -> Iterator[str]:
    key = str(value)
    if not key.isascii() or not key.isprintable() or " " in key:
        yield ": has characters that cannot be sent in a header (a line break at the end?)"


def _header_problems(value: object) -> Iterator[str]:
    for name, text in value.items() if isinstance(value, dict) else ():
        if not _HEADER_NAME.fullmatch(name):
            yield f".{json.dumps(name)}: is not the name of a header"
        elif name.lower() in _OWN_HEADERS:
            yield f".{json.dumps(name)}: is the gateway's to set"
        elif not text.isprintable():
            yield f".{json.dumps(name)}: has characters that cannot be sent in a header"


def _hosted_tools_problems(value: object) -> Iterator[str]:
    for kind, members in value.items() if isinstance(value, dict) else ():
        place = f".{joined('', kind)}"
        if kind in _NEVER_HOSTED:
            yield f"{place}: is a tool of the client, never a hosted one"
        for name in sorted(_NEVER_SET & set(members)):
            yield f"{place}.{name}: is the gateway's to set"


def _dialect_problems(value: object) -> Iterator[str]:
    name = str(value)
    if name not in PRESETS:
        yield f": no preset has this name{nearest(name, PRESETS)}"


def _database_problems(value: object) -> Iterator[str]:
    """What the driver makes of the rest, it says itself when it connects."""
    if value and not str(value).startswith(("postgresql://", "postgres://")):
        yield ": must be postgresql://USER:PASSWORD@HOST/DATABASE"


def _is_redis(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme == "unix":
        return bool(parts.path)
    return parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and port != 0


def _redis_problems(value: object) -> Iterator[str]:
    if value and not _is_redis(str(value)):
        yield ": must be redis://HOST, rediss://HOST or unix:///PATH, with a port, a user and a database where needed"


def _drop_problems(value: object) -> Iterator[str]:
    for index, pattern in enumerate(value if isinstance(value, tuple) else ()):
        for name in _NEVER_DROPPED:
            if fnmatchcase(name, pattern):
                yield f"[{index}]: would drop {name}, without which there is no request"


CHECKS: Mapping[tuple[type[msgspec.Struct], str], Callable[[object], Iterator[str]]] = {
    (ProviderSettings, "base_url"): _url_problems,
    (ProviderSettings, "api_key"): _api_key_problems,
    (ProviderSettings, "headers"): _header_problems,
    (ProviderSettings, "hosted_tools"): _hosted_tools_problems,
    (ProviderSettings, "dialect"): _dialect_problems,
    (Quirks, "drop"): _drop_problems,
    (LimitsSettings, "redis"): _redis_problems,
    (StateSettings, "url"): _database_problems,
}
