from pathlib import Path

import pytest

from gateway import configuration
from gateway.credentials import with_credentials

CONFIG = '[[providers]]\nname = "up"\nbase_url = "http://127.0.0.1/v1"\napi_key = "${UP_KEY}"\n'


def key_of(folder: Path, **environment: str) -> str:
    path = folder / "gateway.toml"
    path.write_text(CONFIG)
    return configuration.load(path, with_credentials(environment)).providers[0].api_key


@pytest.mark.parametrize("name", ["UP_KEY", "credentials_UP_KEY"])
def test_a_reference_may_be_a_file(tmp_path: Path, name: str) -> None:
    """The second is what systemd calls the file UP_KEY of a folder."""
    (tmp_path / name).write_text("secret\n")
    assert key_of(tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path)) == "secret"


def test_a_variable_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "UP_KEY").write_text("from-the-file")
    assert key_of(tmp_path, CREDENTIALS_DIRECTORY=str(tmp_path), UP_KEY="from-the-variable") == "from-the-variable"


def test_what_is_nowhere_is_named(tmp_path: Path) -> None:
    for environment in ({}, {"CREDENTIALS_DIRECTORY": str(tmp_path)}):
        with pytest.raises(configuration.ConfigurationError, match="the environment variable UP_KEY is not set"):
            key_of(tmp_path, **environment)


def test_only_files_of_the_folder_are_read(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "inside").write_text("y")
    (folder / "credentials_of_a_folder").write_text("z")
    (folder / "sub").mkdir()
    environment = with_credentials({"CREDENTIALS_DIRECTORY": str(folder)})
    assert environment.get("../outside") is None
    assert environment.get("sub") is None
    assert set(environment) == {"CREDENTIALS_DIRECTORY", "inside", "of_a_folder"}


def test_without_a_folder_there_are_only_variables() -> None:
    assert with_credentials({"A": "b"}) == {"A": "b"}
