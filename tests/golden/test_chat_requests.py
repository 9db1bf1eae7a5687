"""What every recorded client's request becomes, against the files that people have read."""

import pytest

from tests.golden.chat_requests import FOLDER, chat_request_files

FILES = dict(chat_request_files())


@pytest.mark.parametrize("name", FILES)
def test_the_chat_request_is_the_one_that_was_read(name: str) -> None:
    assert FILES[name] == (FOLDER / name).read_text(), "after a wanted change: python -m tests.golden.update"


def test_there_is_a_file_for_every_request_and_no_other() -> None:
    assert sorted(path.name for path in FOLDER.glob("*.json")) == sorted(FILES)
    assert len(FILES) > 100
