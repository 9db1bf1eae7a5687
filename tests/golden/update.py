"""Writes the golden files anew: `python -m tests.golden.update`. Read the difference before you keep it."""

from collections.abc import Mapping
from pathlib import Path

from tests.golden import chat_requests, presets


def main() -> None:
    """Writes every file, and removes those that nothing stands for any more."""
    _write(chat_requests.FOLDER, dict(chat_requests.chat_request_files()))
    _write(presets.FOLDER, dict(presets.preset_files()))


def _write(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, content in files.items():
        (folder / name).write_text(content)


if __name__ == "__main__":
    main()
