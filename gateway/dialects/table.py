"""All presets by their names, and how a provider's table takes over what its preset says."""

from collections.abc import Mapping

from gateway.dialects.model_makers import MODEL_MAKERS
from gateway.dialects.preset import Preset
from gateway.dialects.servers import SERVERS
from gateway.dialects.services import SERVICES

PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in (*SERVERS, *MODEL_MAKERS, *SERVICES)}


def with_preset(provider: object) -> object:
    """The table of a provider with its preset's address and quirks below its own.

    What is no table, and a name that no preset has, is left to those who check the table.
    """
    if not isinstance(provider, dict):
        return provider
    dialect, own = provider.get("dialect"), provider.get("quirks", {})
    preset = PRESETS.get(dialect) if isinstance(dialect, str) else None
    if preset is None or not isinstance(own, dict):
        return provider
    address = {"base_url": preset.base_url} if preset.base_url else {}
    return address | provider | {"quirks": preset.table() | own}
