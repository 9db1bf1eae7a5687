"""What a person writes into Codex's `config.toml` to work through this gateway, made from the gateway's own settings.

Knows nothing that a running gateway would have to be asked for, so it works before the gateway runs, and elsewhere.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import tomli_w

from gateway.codec.json import dumps
from gateway.configuration import ConfigurationError
from gateway.errors import GatewayError
from gateway.settings import ServerSettings, Settings
from gateway.spec.codex import catalog_entry
from gateway.upstream.routing import Router

PROVIDER = "gateway"
_IDLE_SECONDS = 300
"""Codex's own default; heartbeats that are events come much more often."""
_MARGIN_SECONDS = 60
_ANY_PORT = 0


@dataclass(frozen=True, slots=True)
class CodexSettings:
    """Everything that is to be said.

    Args:
        model: what Codex asks for.
        base_url: where it asks.
        env_key: the variable that holds its key.
        context_window: the tokens that fit, None if the configuration does not say.
        idle_seconds: how long Codex shall bear with a silent stream.
        catalog: the file that describes the model, None for none.
    """

    model: str
    base_url: str
    env_key: str
    context_window: int | None
    idle_seconds: float
    catalog: Path | None


def choose(
    model: str, settings: Settings | None, *, url: str | None, env_key: str, catalog: Path | None
) -> CodexSettings:
    """What is to be said about the model; without settings the model is not checked.

    Raises:
        ValueError: when the gateway does not have the model, or nobody knows where it listens.
    """
    known = settings or Settings()
    return CodexSettings(
        model,
        base_url=(url or _url(known.server)).rstrip("/"),
        env_key=env_key,
        context_window=_window(model, settings) if settings is not None else None,
        idle_seconds=_idle_seconds(known),
        catalog=catalog.absolute() if catalog is not None else None,
    )


def _url(server: ServerSettings) -> str:
    if server.port == _ANY_PORT:
        raise ValueError("The configuration does not say on which port the gateway listens: add --url.")
    try:
        address = ip_address(server.host)
    except ValueError:
        return f"http://{server.host}:{server.port}/v1"
    if address.is_unspecified:
        return f"http://127.0.0.1:{server.port}/v1"
    host = f"[{address}]" if address.version == 6 else str(address)
    return f"http://{host}:{server.port}/v1"


def _window(model: str, settings: Settings) -> int | None:
    try:
        return Router(settings.providers, settings.models).configured_window(model)
    except GatewayError:
        names = [*(alias.id for alias in settings.models), *(f"{one.name}/…" for one in settings.providers)]
        known = f" It has {', '.join(names)}." if names else ""
        raise ValueError(f"The gateway has no model '{model}'.{known}") from None


def _idle_seconds(settings: Settings) -> float:
    """Without events as heartbeats, as long as the slowest provider may be silent."""
    if settings.server.heartbeat == "event":
        return max(_IDLE_SECONDS, settings.server.heartbeat_seconds + _MARGIN_SECONDS)
    waits = (max(one.first_byte_timeout_seconds, one.idle_timeout_seconds) for one in settings.providers)
    return max(_IDLE_SECONDS, max(waits, default=0) + _MARGIN_SECONDS)


def fragment(chosen: CodexSettings) -> str:
    """The part of `config.toml`; the members before the table must stand above every table of the file."""
    top: dict[str, object] = {"model": chosen.model, "model_provider": PROVIDER}
    if chosen.context_window is not None:
        top["model_context_window"] = chosen.context_window
    if chosen.catalog is not None:
        top["model_catalog_json"] = str(chosen.catalog)
    provider = {
        "name": PROVIDER,  # another name than "OpenAI": Codex then asks for nothing that only OpenAI has
        "base_url": chosen.base_url,
        "env_key": chosen.env_key,
        "wire_api": "responses",
        "stream_idle_timeout_ms": round(chosen.idle_seconds * 1000),
    }
    parts = [
        "# For ~/.codex/config.toml of Codex; these lines stand above the first [table] of the file.\n",
        tomli_w.dumps(top),
        *_hints(chosen),
        "\n",
        f"# The key of the gateway is read from the environment variable {chosen.env_key}.\n",
        tomli_w.dumps({"model_providers": {PROVIDER: provider}}),
    ]
    return "".join(parts)


def _hints(chosen: CodexSettings) -> list[str]:
    hints = []
    if chosen.context_window is None:
        hints += [
            "# The gateway's configuration does not say how many tokens fit (context_windows of the provider).\n",
            "# Say it here, or Codex does not know when to compact:\n",
            "#model_context_window = 131072\n",
        ]
    if chosen.catalog is None:
        hints += ["# To let Codex offer its tool for patches, run this command again with --catalog FILE.\n"]
    return hints


def write_catalog(path: Path, chosen: CodexSettings) -> None:
    """Describe the model in a file that `model_catalog_json` names.

    Raises:
        ConfigurationError: when the file cannot be written.
    """
    catalog = {"models": [catalog_entry(chosen.model, chosen.context_window)]}
    try:
        path.write_bytes(dumps(catalog) + b"\n")
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be written: {error.strerror or type(error).__name__}"]) from None
