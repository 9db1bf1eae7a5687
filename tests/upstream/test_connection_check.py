from pathlib import Path

import pytest

from gateway.configuration import ConfigurationError, load
from gateway.settings import ProviderSettings
from gateway.upstream.connection_check import connection_problems, located
from tests.fakes import certificates


def test_paths_start_in_the_folder_of_the_configuration(tmp_path: Path) -> None:
    settings = ProviderSettings(name="up", base_url="http://h", ca_file="ca.pem", unix_socket="/run/s")
    found = located(settings, tmp_path)
    assert (found.ca_file, found.client_key, found.unix_socket) == (str(tmp_path / "ca.pem"), "", "/run/s")


def test_a_provider_without_paths_stays_as_it_is() -> None:
    settings = ProviderSettings(name="up", base_url="http://h")
    assert located(settings, Path("/")) is settings


def test_there_is_no_tls_inside_a_unix_socket() -> None:
    settings = ProviderSettings(name="up", base_url="https://h", unix_socket="/run/s")
    assert [problem.split(":")[0] for problem in connection_problems(settings, {})] == ["unix_socket"]


def test_the_configuration_is_checked_with_its_files(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(
        '[[providers]]\nname = "a"\nbase_url = "https://h"\nca_file = "ca.pem"\n'
        '[[providers]]\nname = "b"\nbase_url = "https://h"\nproxy = "env"\n'
    )
    with pytest.raises(ConfigurationError) as caught:
        load(path, {"HTTPS_PROXY": "socks5://p:1"})
    assert caught.value.problems == (
        f"{path}: providers[0].ca_file: cannot be read: No such file or directory",
        f"{path}: providers[1].proxy: the environment's proxy must be http://HOST:PORT or https://HOST:PORT",
    )
    certificates.authority(tmp_path).path.rename(tmp_path / "ca.pem")
    assert load(path, {}).providers[0].ca_file == str(tmp_path / "ca.pem")
