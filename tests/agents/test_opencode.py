"""opencode through the gateway, configured as docs/clients/opencode.md says."""

import json
from pathlib import Path

import orjson
import pytest

from tests.agents.documented import snippet
from tests.agents.installation import NODE_MODULES
from tests.agents.process import run
from tests.agents.turns import in_turns, text
from tests.fakes.chat import call_stream, chunk
from tests.fakes.gateway import GatewayProcess
from tests.fakes.upstream import Script, Upstream

AT_HOME = {"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_AUTOUPDATE": "1"}
"""What keeps it on this machine."""


@pytest.mark.usefixtures("node_packages")
async def test_it_runs_a_command_and_answers(
    gateway: GatewayProcess, upstream: Upstream, home: Path, work: Path
) -> None:
    arguments = json.dumps({"command": "echo OPENCODE-$((40+2)) | tee out.txt", "description": "Run echo"})
    thinking = chunk({"reasoning_content": "Hm."}) + chunk({"content": "Running."})
    upstream.respond(in_turns(Script.of(thinking + call_stream(("call_1", "bash", arguments))), text("Done.")))
    (work / "opencode.json").write_text(snippet("opencode.md", "json", gateway))
    (program,) = NODE_MODULES.glob("opencode-*/bin/opencode")
    finished = await run(program, "run", "--format=json", "Do it", home=home, folder=work, variables=AT_HOME)
    events = [orjson.loads(line) for line in finished.expect_success().output.splitlines()]
    assert [event["part"]["text"] for event in events if event["type"] == "text"] == ["Running.", "Done."]
    assert (work / "out.txt").read_text() == "OPENCODE-42\n"
    (conversation,) = [received for received in upstream.received if b"OPENCODE-42" in received.body]
    *_, assistant, result = conversation.json["messages"]
    # It gives reasoning back only when it was sealed.
    assert (assistant["content"], assistant["reasoning_content"]) == ("Running.", "Hm.")
    assert (result["tool_call_id"], result["content"]) == ("call_1", "OPENCODE-42\n")
