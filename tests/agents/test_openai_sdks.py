"""The examples of docs/clients/openai-sdks.md, run as they stand; tests/clients goes through the SDKs in depth."""

from pathlib import Path

import pytest

from tests.agents.scripts import run_example
from tests.agents.turns import heard, text
from tests.fakes.gateway import GatewayProcess
from tests.fakes.upstream import Upstream

PAGE = "openai-sdks.md"
LANGUAGES = pytest.mark.parametrize("language", ["python", "js"])
ALL = "My name is Ada. What is my name?"


@LANGUAGES
@pytest.mark.usefixtures("node_packages", "python_packages")
async def test_the_example_prints_the_answer(
    gateway: GatewayProcess, upstream: Upstream, home: Path, language: str
) -> None:
    upstream.answer(text("Hel", "lo, wörld"))
    assert await run_example(PAGE, language, gateway, home, 0) == ["Hello, wörld 18"]


@LANGUAGES
@pytest.mark.usefixtures("node_packages", "python_packages")
async def test_the_example_of_stored_state_knows_what_was_said(
    gateway: GatewayProcess, upstream: Upstream, home: Path, language: str
) -> None:
    upstream.respond(heard())
    printed = await run_example(PAGE, language, gateway, home, 0, 1)
    alone = [ALL, "3 items before it", ALL] if language == "python" else [ALL]
    assert printed[1:] == [*alone, "My name is Ada.", "completed"]
