"""JSON that strict parsers refuse but upstreams send: invalid UTF-8 and halves of surrogate pairs.

Slow, and used only after the strict parser has refused.
"""

import json

from gateway.codec.json import JSONValue


def loads_leniently(data: bytes) -> JSONValue:
    """Parse JSON whose text may be damaged; invalid UTF-8 becomes U+FFFD, lone surrogates stay.

    Raises:
        ValueError: if it is not JSON at all; NaN and the infinities are not.
    """
    return json.loads(data.decode("utf-8", "replace"), parse_constant=_refuse, strict=False)


def well_formed(text: str) -> str:
    """The text with pairs of surrogates joined and lone ones replaced, so that it can be written as UTF-8."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _refuse(constant: str) -> JSONValue:
    raise ValueError(f"{constant} is not JSON")
