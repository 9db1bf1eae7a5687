"""The configuration that the tests of real servers use, read from the text that the documentation shows."""

import tomllib

from gateway.codec.json import JSONObject


def one_provider(text: str) -> JSONObject:
    """The single `[[providers]]` table of the text."""
    (provider,) = tomllib.loads(text)["providers"]
    return dict(provider)
