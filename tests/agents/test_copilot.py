"""GitHub Copilot CLI with a provider of one's own, configured as docs/clients/copilot-cli.md says."""

import json
from pathlib import Path

import pytest

from tests.agents.documented import shell_variables, snippet
from tests.agents.installation import NODE_MODULES
from tests.agents.process import run
from tests.agents.scripts import NODE_PROGRAM
from tests.agents.turns import in_turns, results, text
from tests.fakes.chat import call_stream, chunk
from tests.fakes.gateway import GatewayProcess
from tests.fakes.upstream import Script, Upstream


@pytest.mark.usefixtures("node_packages")
async def test_it_runs_a_command_and_answers(
    gateway: GatewayProcess, upstream: Upstream, home: Path, work: Path
) -> None:
    arguments = json.dumps({"command": "echo COPILOT-$((40+2)) | tee out.txt", "description": "Run echo"})
    thinking = chunk({"reasoning_content": "Hm."}) + chunk({"content": "Running."})
    upstream.respond(in_turns(Script.of(thinking + call_stream(("call_1", "bash", arguments))), text("Done.")))
    variables = shell_variables(snippet("copilot-cli.md", "sh", gateway))
    launcher = NODE_MODULES / "@github" / "copilot" / "npm-loader.js"
    options = "--prompt=Do it", "--allow-all-tools", "--silent"
    finished = await run(NODE_PROGRAM, launcher, *options, home=home, folder=work, variables=variables)
    assert finished.expect_success().output.split() == ["Running.", "Done."]
    assert (work / "out.txt").read_text() == "COPILOT-42\n"
    assert "COPILOT-42" in results(upstream)["call_1"]
    assert upstream.last.json["messages"][-2]["reasoning_content"] == "Hm."
