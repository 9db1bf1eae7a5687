from pathlib import Path

import pytest

from gateway.configuration import from_document
from tests.upstreams import results
from tests.upstreams.results import Facts, Results, Row
from tests.upstreams.servers import SERVERS, Server

FACTS = Facts("1.0", "3.11", 1, 2, 3, "2026-01-01")


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
def test_the_block_of_every_server_is_a_configuration(server: Server) -> None:
    settings = from_document({"providers": [server.provider(8000)]}, Path("gateway.toml"), {})
    (provider,) = settings.providers
    assert provider.name == provider.dialect == server.name
    assert provider.base_url == "http://127.0.0.1:8000/v1"


def test_the_page_tells_what_is_kept() -> None:
    assert results.PAGE.read_text(encoding="utf-8") == results.page(results.load()), "run `make test-upstreams`"


def test_every_server_had_every_test_and_nothing_failed() -> None:
    kept = results.load()
    names = {server.name for server in SERVERS}
    assert kept.facts.keys() == names
    assert list(kept.seen) == results.tests()
    assert all(cells.keys() == names and "**fails**" not in cells.values() for cells in kept.seen.values())


def test_a_run_replaces_what_it_saw_and_leaves_the_rest() -> None:
    old = Results({"a": FACTS}, {"one": {"a": "no", "b": "yes"}, "gone": {"a": "yes"}})
    new = results.keep(old, {"b": FACTS}, [Row("one", "a", "yes"), Row("two", "a", "yes")], ["two", "one"])
    assert new.facts == {"a": FACTS, "b": FACTS}
    assert list(new.seen.items()) == [("two", {"a": "yes"}), ("one", {"a": "yes", "b": "yes"})]
