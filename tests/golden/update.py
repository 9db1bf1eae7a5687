"""Writes the golden files anew: `python -m tests.golden.update`. Read the difference before you keep it."""

from tests.golden.chat_requests import FOLDER, chat_request_files


def main() -> None:
    """Writes every file, and removes those that nothing is recorded for."""
    FOLDER.mkdir(exist_ok=True)
    files = dict(chat_request_files())
    for path in FOLDER.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, content in files.items():
        (FOLDER / name).write_text(content)


if __name__ == "__main__":
    main()
