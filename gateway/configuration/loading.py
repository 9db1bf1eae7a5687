"""The commands' ways to the settings: the whole file, one section of it, or no file at all."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from gateway.configuration.problems import ConfigurationError, joined
from gateway.configuration.reading import Reading
from gateway.configuration.relations import Table, relations
from gateway.dialects.table import with_preset
from gateway.settings import AuthSettings, LimitsSettings, SealingSettings, ServerSettings, Settings
from gateway.upstream.connection_check import connection_problems, located

KeysSection = TypeVar("KeysSection", AuthSettings, SealingSettings)


def load(path: Path, environment: Mapping[str, str]) -> Settings:
    """The settings in the file.

    Raises:
        ConfigurationError: with all problems of the file.
    """
    return from_document(document_of(path), path, environment)


def from_document(plain: Table, path: Path, environment: Mapping[str, str]) -> Settings:
    """The settings in what a file holds; its paths start beside `path`, which problems name too.

    Raises:
        ConfigurationError: with all problems.
    """
    reading = Reading(environment)
    document = {key: reading.expanded(value, joined("", key)) for key, value in plain.items()}
    if isinstance(tables := document.get("providers"), list):
        document["providers"] = [with_preset(table) for table in tables]
    settings = reading.struct(Settings, document, "")
    reading.problems.extend(relations(document))
    providers = tuple(located(provider, path.parent) for provider in settings.providers) if settings else ()
    for index, provider in enumerate(providers):
        problems = connection_problems(provider, environment)
        reading.problems.extend(f"providers[{index}].{problem}" for problem in problems)
    if reading.problems or settings is None:
        raise ConfigurationError(f"{path}: {problem}" for problem in reading.problems)
    return replace(
        settings,
        auth=_beside(path, settings.auth),
        limits=_budgets_beside(path, settings.limits),
        sealing=_beside(path, settings.sealing),
        state=replace(settings.state, path=str((path.parent / settings.state.path).absolute())),
        providers=providers,
    )


def keys_file(path: Path, environment: Mapping[str, str]) -> Path | None:
    """Where the file says that the keys are; all else in it may be wrong or need variables that are not set here."""
    reading = Reading(environment)
    table = reading.expanded(document_of(path).get("auth", {}), "auth")
    auth = reading.struct(AuthSettings, table, "auth")
    if reading.problems or auth is None:
        raise ConfigurationError(f"{path}: {problem}" for problem in reading.problems)
    return Path(_beside(path, auth).keys_file) if auth.keys_file else None


def listener(path: Path, environment: Mapping[str, str]) -> ServerSettings:
    """What the file says of `[server]`; all else in it may be wrong, or need variables that are not set here."""
    reading = Reading(environment)
    server = reading.struct(ServerSettings, reading.expanded(document_of(path).get("server", {}), "server"), "server")
    if reading.problems or server is None:
        raise ConfigurationError(f"{path}: {problem}" for problem in reading.problems)
    return server


def from_environment(environment: Mapping[str, str]) -> Settings:
    """The settings of a gateway without a file: all defaults, and keys only where the environment names a file."""
    name = environment.get("GATEWAY_KEYS_FILE", "")
    auth = AuthSettings(keys_file=str(Path(name).absolute()) if name else "")
    return Settings(auth=auth, limits=LimitsSettings(budgets_file=""), sealing=SealingSettings(keys_file=""))


def _budgets_beside(path: Path, limits: LimitsSettings) -> LimitsSettings:
    if not limits.budgets_file:
        return limits
    return replace(limits, budgets_file=str((path.parent / limits.budgets_file).absolute()))


def _beside(path: Path, section: KeysSection) -> KeysSection:
    if not section.keys_file:
        return section
    return replace(section, keys_file=str((path.parent / section.keys_file).absolute()))


def document_of(path: Path) -> dict[str, object]:
    """What the file holds, with its references as they are written.

    Raises:
        ConfigurationError: when it cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read: {error.strerror or type(error).__name__}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{path}: is not UTF-8 (byte {error.start})"]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([f"{path}: is not TOML: {error}"]) from None
