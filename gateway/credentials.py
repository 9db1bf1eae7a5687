"""What `${NAME}` in the configuration may stand for: a variable of the environment, or a credential, which is a file.

systemd hands credentials over in the folder `$CREDENTIALS_DIRECTORY`, where nobody else reads them and no child process
inherits them; a container can point the variable to the folder of its secrets.
"""

from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

FOLDER_VARIABLE = "CREDENTIALS_DIRECTORY"

_OF_A_FOLDER = "credentials_"
"""What systemd puts before the file's name where the unit loads a whole folder, as `LoadCredential=credentials:/…`."""


class _Credentials(Mapping[str, str]):
    """The files of a folder by their names, as text without the line break at its end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> str:
        for file in (name, _OF_A_FOLDER + name):
            path = self._folder / file
            if "/" not in name and path.is_file():
                return path.read_text(encoding="utf-8").rstrip("\r\n")
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (path.name.removeprefix(_OF_A_FOLDER) for path in self._folder.iterdir() if path.is_file())

    def __len__(self) -> int:
        return sum(1 for _ in self)


def with_credentials(environment: MutableMapping[str, str]) -> Mapping[str, str]:
    """The variables, and where there is none of a name, the credential of that name."""
    folder = environment.get(FOLDER_VARIABLE, "")
    return ChainMap(environment, _Credentials(Path(folder))) if folder else environment  # type: ignore[arg-type]
