"""The command `llm` through the gateway, configured as docs/clients/llm.md says."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
import pytest

from tests.agents.documented import snippet
from tests.agents.installation import VENV
from tests.agents.process import Finished, run
from tests.agents.turns import roles, text
from tests.fakes.chat import call_stream, chunk
from tests.fakes.gateway import GatewayProcess
from tests.fakes.upstream import Script, Upstream

ADD = "def add(a: int, b: int) -> int:\n    return a + b\n"

Llm = Callable[..., Awaitable[Finished]]


@pytest.fixture
async def llm(python_packages: None, gateway: GatewayProcess, home: Path) -> Llm:
    """Runs the command with the documented model, whose key is stored."""
    (home / "extra-openai-models.yaml").write_text(snippet("llm.md", "yaml", gateway))

    async def start(*arguments: str) -> Finished:
        variables = {"LLM_USER_PATH": str(home)}
        finished = await run(VENV / "bin" / "llm", *arguments, home=home, folder=home, variables=variables)
        return finished.expect_success()

    await start("keys", "set", "gateway", "--value", gateway.key)
    return start


async def test_a_function_is_called(llm: Llm, upstream: Upstream) -> None:
    thinking = chunk({"reasoning_content": "Sums."})
    upstream.answer(Script.of(thinking + call_stream(("call_1", "add", '{"a": 2, "b": 3}'))), text("It is 5."))
    finished = await llm("-m", "gateway", "--functions", ADD, "2 + 3?")
    assert (finished.output, finished.errors) == ("It is 5.\n", "Sums.\n")
    assistant, result = upstream.last.json["messages"][-2:]
    assert assistant["reasoning_content"] == "Sums."
    assert (result["tool_call_id"], result["content"]) == ("call_1", "5")


async def test_a_schema_is_kept_and_the_conversation_goes_on(llm: Llm, upstream: Upstream) -> None:
    upstream.answer(text('{"name": "Ada",', ' "age": 36}'), text("Yes."))
    finished = await llm("-m", "gateway", "--schema", "name, age int", "Who?")
    assert orjson.loads(finished.output) == {"name": "Ada", "age": 36}
    properties = upstream.last.json["response_format"]["json_schema"]["schema"]["properties"]
    assert properties == {"name": {"type": "string"}, "age": {"type": "integer"}}
    await llm("-m", "gateway", "-c", "Sure?")
    assert roles(upstream.last.json) == ["user", "assistant", "user"]
