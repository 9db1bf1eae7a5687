import threading
from pathlib import Path

from tests.installing import once


def test_who_asks_meanwhile_waits_and_finds_it_installed(tmp_path: Path) -> None:
    lock, folder, installed = tmp_path / "lock", tmp_path / "folder", list[str]()
    lock.write_text("1")
    folder.mkdir()

    def install() -> None:
        installed.append(lock.read_text())
        threading.Event().wait(0.2)

    asking = [threading.Thread(target=once, args=(folder, lock, install)) for _ in range(3)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert installed == ["1"]
    lock.write_text("2")
    once(folder, lock, install)
    assert installed == ["1", "2"]
