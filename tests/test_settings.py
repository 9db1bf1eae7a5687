import msgspec
import pytest
from msgspec.structs import fields

from gateway.settings import AliasSettings, ProviderSettings, Quirks, ServerSettings, Settings


def test_everything_but_names_addresses_and_targets_has_a_default() -> None:
    required = {
        kind.__name__: {one.name for one in fields(kind) if one.required}
        for kind in (Settings, ServerSettings, ProviderSettings, Quirks, AliasSettings)
    }
    assert required == {
        "Settings": set(),
        "ServerSettings": set(),
        "ProviderSettings": {"name", "base_url"},
        "Quirks": set(),
        "AliasSettings": {"id", "targets"},
    }


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().server.port = 1  # type: ignore[misc]


def test_two_providers_do_not_share_a_mutable_default() -> None:
    first, second = (ProviderSettings(name=name, base_url="http://h") for name in "ab")
    assert first.headers is not second.headers


@pytest.mark.parametrize(
    "table",
    [
        {"port": 65536},
        {"port": -1},
        {"body_timeout_seconds": 0},
        {"body_timeout_seconds": float("inf")},
        {"body_timeout_seconds": float("nan")},
        {"heartbeat": "loud"},
        {"host": ""},
        {"bogus": 1},
    ],
)
def test_a_value_out_of_range_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(table, ServerSettings)


@pytest.mark.parametrize("name", ["", "a/b", "a b", "a\n", "ä"])
def test_a_providers_name_can_stand_before_a_slash(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": name, "base_url": "http://h"}, ProviderSettings)
