"""The commands: `serve`, `check`, `health`, `keys`, `codex`, `demo-upstream`, and which exit code each ending has.

Only words in and words out; what a command does is elsewhere. The server and the demo are imported when they are
asked for, so that `keys` and `check` start at once.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

import click
from msgspec import ValidationError, convert, to_builtins
from msgspec.structs import replace

from gateway import __version__, configuration
from gateway.access import keys
from gateway.access.money import check_money
from gateway.configuration import ConfigurationError
from gateway.configuration.extras import missing_extras
from gateway.credentials import with_credentials
from gateway.settings import KeyLimits, ProviderSettings, Quirks, ServerSettings, Settings
from gateway.store.protocol import DamagedStoreError

EXIT_USAGE = 64
EXIT_UNAVAILABLE = 69
EXIT_DAMAGED = 75
"""Somebody has to look at the store first; starting again will not help, and changes nothing."""

EXIT_CONFIGURATION = 78
"""As in sysexits.h: a service manager can tell a wrong file from a crash."""

Command = TypeVar("Command", bound=Callable[..., None])

_COMMON = to_builtins(Quirks())

_FILE = click.Path(path_type=Path, dir_okay=False)
_PORT = click.IntRange(0, 65535)
_config_option = click.option(
    "--config", type=_FILE, envvar="GATEWAY_CONFIG", show_envvar=True, help="The configuration file."
)
_keys_file_option = click.option("--keys-file", type=_FILE, help="The keys file, instead of the configured one.")


class BindError(Exception):
    """The address cannot be listened on."""


class UnreachableError(Exception):
    """Who was asked cannot be reached, or is not well."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command that the arguments ask for, and exit with its code."""
    sys.exit(_exit_code(arguments))


def _exit_code(arguments: Sequence[str] | None) -> int:
    try:
        code = commands.main(arguments, prog_name="responses-gateway", standalone_mode=False)
    except click.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except (BindError, UnreachableError) as error:
        click.echo(error, err=True)
        return EXIT_UNAVAILABLE
    except DamagedStoreError as error:
        click.echo(error, err=True)
        return EXIT_DAMAGED
    except ConfigurationError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        return EXIT_CONFIGURATION
    return code if isinstance(code, int) else 0


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="responses-gateway")
def commands() -> None:
    """The OpenAI Responses API in front of any Chat Completions upstream."""


@commands.command()
@_config_option
@click.option("--host", help="Listen on this address instead of the configured one.")
@click.option("--port", type=_PORT, help="Listen on this port instead of the configured one.")
@click.option("--demo", is_flag=True, help="Add the built-in demo upstream; needs no configuration.")
def serve(config: Path | None, host: str | None, port: int | None, demo: bool) -> None:
    """Serve until SIGTERM."""

    def load() -> Settings:
        return _listening_on(_settings(config, demo=demo), host, port)

    settings = load()
    from gateway.server import serve as serve_until_stopped
    from gateway.web.admin import AdminAddressError

    try:
        serve_until_stopped(settings, load, demo=demo, environment_keys=_environment().get("GATEWAY_API_KEYS"))
    except AdminAddressError as error:
        raise BindError(str(error)) from error
    except OSError as error:
        raise BindError(_bind_problem(settings.server.host, settings.server.port, error)) from error


def _environment() -> Mapping[str, str]:
    """What the configuration may refer to."""
    return with_credentials(os.environ)


def _settings(config: Path | None, *, demo: bool) -> Settings:
    if config is not None:
        return configuration.load(config, _environment())
    if demo:
        return configuration.from_environment(_environment())
    raise click.UsageError("Say what to serve: --config FILE (or GATEWAY_CONFIG=FILE), or --demo to try it out.")


def _listening_on(settings: Settings, host: str | None, port: int | None) -> Settings:
    server = settings.server
    chosen = replace(server, host=host or server.host, port=server.port if port is None else port)
    return replace(settings, server=chosen)


def _bind_problem(host: str, port: int, error: OSError) -> str:
    return f"cannot listen on {host}:{port}: {error.strerror or error}"


@commands.command()
@_config_option
def check(config: Path | None) -> None:
    """Check the configuration, the keys file and what is installed, and say all that is wrong."""
    if config is None:
        raise click.UsageError("Say what to check: --config FILE (or GATEWAY_CONFIG=FILE).")
    settings = configuration.load(config, _environment())
    path = Path(settings.auth.keys_file) if settings.auth.keys_file else None
    store = keys.KeyStore(path, _environment().get("GATEWAY_API_KEYS"))
    if missing := [f"{config}: {problem}" for problem in missing_extras(settings)]:
        raise ConfigurationError(missing)
    check_money(store.ring, settings)
    click.echo(f"ok: {_summary(settings, len(store.ring))}")
    for provider in settings.providers:
        click.echo(f"{provider.name}: {_dialect(provider)}")


def _dialect(provider: ProviderSettings) -> str:
    """The preset and what is in force of it and of the file; of a table the name alone, since its values are free."""
    shown = [
        name if isinstance(value, dict) else f"{name} = {json.dumps(value)}"
        for name, value in to_builtins(provider.quirks).items()
        if value != _COMMON[name]
    ]
    return f'dialect "{provider.dialect}"' + "".join(f"\n  {line}" for line in shown)


def _summary(settings: Settings, key_count: int) -> str:
    counts = ((len(settings.providers), "provider"), (len(settings.models), "alias"), (key_count, "key"))
    words = [f"{count} {word}{'' if count == 1 else 'es' if word == 'alias' else 's'}" for count, word in counts]
    return f"{', '.join(words)}; listens on {settings.server.host}:{settings.server.port}"


@commands.command()
@_config_option
@click.option("--host", help="Ask at this address instead of the configured one.")
@click.option("--port", type=_PORT, help="Ask at this port instead of the configured one.")
@click.option("--socket", "path", type=_FILE, help="Ask at this socket in the file system.")
@click.option("--ready", is_flag=True, help="Ask whether it takes requests, and not only whether it lives.")
@click.option("--timeout", type=click.FloatRange(min=0.1), default=5, show_default=True, metavar="SECONDS")
def health(
    *, config: Path | None, host: str | None, port: int | None, path: Path | None, ready: bool, timeout: float
) -> None:
    """Ask a running gateway whether it is well."""
    from gateway import probe

    server = configuration.listener(config, _environment()) if config is not None else ServerSettings()
    place = probe.Place(host or server.host, server.port if port is None else port, path)
    try:
        click.echo(probe.ask(place, "/readyz" if ready else "/healthz", seconds=timeout))
    except probe.NotWellError as error:
        raise UnreachableError(str(error)) from None


@commands.group("keys")
def keys_group() -> None:
    """Make, list and revoke the keys of clients; a running gateway takes changes over by itself."""


@keys_group.command("add")
@click.argument("name")
@_config_option
@_keys_file_option
@click.option("--default-model", default="", metavar="MODEL", help="The model of its requests that name none.")
@click.option("--models", default="", metavar="PATTERNS", help="What it may ask for, as 'coder,local/*'; else all.")
@click.option(
    "--limit", "limits", multiple=True, metavar="NAME=NUMBER", help="A limit that goes before that of [limits]."
)
def keys_add(
    *, name: str, config: Path | None, keys_file: Path | None, default_model: str, models: str, limits: tuple[str, ...]
) -> None:
    """Make a key called NAME and print it, this once."""
    from gateway.access.issuing import add_key

    try:
        patterns = tuple(pattern.strip() for pattern in models.split(",") if pattern.strip())
        path = _keys_path(config, keys_file)
        text = add_key(path, name, default_model=default_model, models=patterns, limits=_key_limits(limits))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    click.echo(text)
    click.echo("Keep this key: it is not stored and cannot be shown again.", err=True)


def _key_limits(given: tuple[str, ...]) -> KeyLimits:
    """Raises ValueError for what is no limit."""
    members = dict(one.partition("=")[::2] for one in given)
    names = KeyLimits.__struct_fields__
    for name in members:
        if name not in names:
            raise ValueError(f"--limit {name}: a key may have {', '.join(names)}")
    try:
        return convert(members, KeyLimits, strict=False)
    except ValidationError:
        raise ValueError("--limit: must be NAME=NUMBER, and no number is below 0") from None


@keys_group.command("list")
@_config_option
@_keys_file_option
def keys_list(config: Path | None, keys_file: Path | None) -> None:
    """Print id, date and name of each key, and what it has of its own."""
    for record in keys.read_records(_keys_path(config, keys_file)):
        default = f"  (default model {record.default_model})" if record.default_model else ""
        allowed = f"  (only {', '.join(record.models)})" if record.models else ""
        own = "".join(f"  ({name} {value})" for name, value in to_builtins(record.limits).items())
        click.echo(f"{record.id}  {record.created or '-':<25}  {record.name}{default}{allowed}{own}")


@keys_group.command("revoke")
@click.argument("name_or_id")
@_config_option
@_keys_file_option
def keys_revoke(name_or_id: str, config: Path | None, keys_file: Path | None) -> None:
    """Make the key with this name or id invalid."""
    from gateway.access.issuing import revoke_key

    try:
        record = revoke_key(_keys_path(config, keys_file), name_or_id)
    except LookupError as error:
        raise click.UsageError(str(error.args[0])) from None
    click.echo(f"revoked {record.id} ({record.name})")


def _keys_path(config: Path | None, keys_file: Path | None) -> Path:
    path = keys_file or (configuration.keys_file(config, _environment()) if config is not None else None)
    if path is None:
        raise click.UsageError("Say which keys: --keys-file FILE, or --config FILE (or GATEWAY_CONFIG=FILE).")
    if not path.absolute().parent.is_dir():
        raise ConfigurationError([f"{path}: its folder does not exist"])
    return path


@commands.command("codex")
@click.argument("model")
@_config_option
@click.option("--url", help="Where Codex reaches the gateway, with its /v1; by default what the configuration says.")
@click.option(
    "--env-key",
    default="GATEWAY_KEY",
    show_default=True,
    metavar="NAME",
    help="The environment variable in which Codex finds its key.",
)
@click.option("--catalog", type=_FILE, help="Write a description of the model here, for Codex to offer apply_patch.")
def codex_settings(model: str, config: Path | None, url: str | None, env_key: str, catalog: Path | None) -> None:
    """Print what belongs into Codex's config.toml for MODEL; with a configuration, the model is checked."""
    from gateway import codex_settings as codex

    settings = configuration.load(config, _environment()) if config is not None else None
    try:
        chosen = codex.choose(model, settings, url=url, env_key=env_key, catalog=catalog)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if catalog is not None:
        codex.write_catalog(catalog, chosen)
    click.echo(codex.fragment(chosen), nl=False)


@commands.command()
@click.argument("provider", required=False)
@_config_option
@click.option("--base-url", metavar="URL", help="Examine this address, which needs no configuration.")
@click.option("--api-key-env", metavar="NAME", help="The environment variable that holds the key for --base-url.")
@click.option("--model", default="", help="The model to ask, by its id there; by default the first one of its list.")
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(min=0.1),
    default=120,
    show_default=True,
    metavar="SECONDS",
    help="For each answer; a model may have to be loaded first.",
)
@click.option("--yes", is_flag=True, help="Do not ask whether to spend the tokens.")
@click.option("--write", type=_FILE, help="Write the provider's block into this new file too.")
def doctor(
    *,
    provider: str | None,
    config: Path | None,
    base_url: str | None,
    api_key_env: str | None,
    model: str,
    timeout_seconds: float,
    yes: bool,
    write: Path | None,
) -> None:
    """Find out what an upstream can do, and print the block of configuration that fits it.

    PROVIDER is one of the configuration, and may be left out if that has only one.
    """
    from gateway.doctor import command

    if write is not None and write.exists():
        raise click.UsageError(f"{write} is there already.")
    patient = (
        command.given(provider or "upstream", base_url, api_key_env, _environment())
        if base_url is not None
        else command.configured(provider, config, _environment())
    )
    click.echo(command.price(patient), err=True)
    if not yes:
        click.confirm("Go on?", abort=True, err=True)
    try:
        block = command.examine(patient, model, timeout_seconds=timeout_seconds)
    except command.NotReachedError as error:
        raise UnreachableError(str(error)) from None
    click.echo(f"\n{block}", nl=False)
    if write is not None:
        command.write_block(write, block)


@commands.command("demo-upstream")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=_PORT, default=8081, show_default=True)
def demo_upstream(host: str, port: int) -> None:
    """Serve only the demo upstream: a Chat Completions server without a model."""
    from gateway.demo.app import run

    try:
        run(host, port)
    except OSError as error:
        raise BindError(_bind_problem(host, port, error)) from error
