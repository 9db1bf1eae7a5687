"""What each preset makes of a request, against the files that people have read."""

import pytest

from tests.golden.presets import FOLDER, preset_files

FILES = dict(preset_files())


@pytest.mark.parametrize("name", FILES)
def test_the_request_of_a_preset_is_the_one_that_was_read(name: str) -> None:
    assert FILES[name] == (FOLDER / name).read_text(), "after a wanted change: python -m tests.golden.update"


def test_there_is_a_file_for_every_preset_and_no_other() -> None:
    assert sorted(path.name for path in FOLDER.glob("*.json")) == sorted(FILES)
