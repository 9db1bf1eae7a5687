"""Codex in the tests: configured as the documentation says, run in a folder of its own, its events read.

`codex exec` is the command that needs no terminal; everything below it (tools, history, retries, compaction) is the
same code that the terminal runs.
"""

import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import tomli_w

from gateway.codec.json import JSONObject
from tests.agents.documented import snippet
from tests.agents.installation import NODE_MODULES
from tests.agents.process import Finished, run
from tests.fakes.gateway import GatewayProcess

PROGRAMS = {"0.169": "@openai/codex-*/vendor/*/bin/codex", "0.151": "codex-0.151/vendor/*/bin/codex"}
"""Where each version's program is among the installed packages: the launcher around it only looks for it."""

UNASKED: JSONObject = {"approval_policy": "never", "sandbox_mode": "danger-full-access"}
"""What lets Codex work; the folder it works in is the test's own."""


@dataclass(slots=True)
class Codex:
    """One person's Codex: a version, a home with a configuration, and a folder to work in."""

    version: str
    gateway: GatewayProcess
    home: Path
    work: Path
    settings: JSONObject = field(default_factory=dict)
    """Further settings, as tables of config.toml."""
    key: str = ""
    """Another key than that of the gateway."""
    reads_key: bool = True
    """Whether the key comes from the environment, as documented."""

    async def run(
        self, prompt: str | None, *arguments: str, expect_success: bool = True, standard_input: bytes = b""
    ) -> Finished:
        """`codex exec` with the prompt, as a stream of JSON events."""
        self._write_configuration()
        (program,) = NODE_MODULES.glob(PROGRAMS[self.version])
        variables = {"CODEX_HOME": str(self.home), "GATEWAY_KEY": self.key or self.gateway.key}
        finished = await run(
            program,
            "exec",
            "--skip-git-repo-check",
            "--json",
            *arguments,
            prompt or "-",
            home=self.home,
            folder=self.work,
            variables=variables,
            standard_input=standard_input,
        )
        return finished.expect_success() if expect_success else finished

    def _write_configuration(self) -> None:
        connection, at_home = (tomllib.loads(snippet("codex.md", "toml", self.gateway, number=n)) for n in range(2))
        whole = merged(connection, at_home, UNASKED, self.settings)
        if not self.reads_key:
            del whole["model_providers"]["gateway"]["env_key"]
        (self.home / "config.toml").write_text(tomli_w.dumps(whole))

    def describe_model(self, **members: object) -> None:
        """Describe the model in a catalog, so that Codex knows more of it than the name."""
        catalog = self.home / "catalog.json"
        catalog.write_bytes(orjson.dumps({"models": [MODEL | members]}))
        self.settings["model_catalog_json"] = str(catalog)

    def retry(self, *, requests: int, streams: int) -> None:
        """Let it try so often again: a request that was refused, and a stream that broke."""
        provider = {"request_max_retries": requests, "stream_max_retries": streams}
        self.settings["model_providers"] = {"gateway": provider}

    def offer_demo_server(self) -> None:
        """Configure the MCP server `demo`."""
        server = Path(__file__).parent / "mcp_server.py"
        self.settings["mcp_servers"] = {"demo": {"command": sys.executable, "args": [str(server)]}}


MODEL: JSONObject = {
    "slug": "up/model",
    "display_name": "Model",
    "supported_reasoning_levels": [],
    "shell_type": "unified_exec",
    "visibility": "list",
    "supported_in_api": True,
    "priority": 1,
    "base_instructions": "You are a coding agent.",
    "support_verbosity": False,
    "truncation_policy": {"mode": "tokens", "limit": 10000},
    "experimental_supported_tools": [],
    "context_window": 128000,
}
"""The least that Codex accepts as a description."""


def merged(*tables: JSONObject) -> JSONObject:
    """The tables as one, those within them merged too."""
    whole: JSONObject = {}
    for table in tables:
        for name, value in table.items():
            old = whole.get(name)
            whole[name] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return whole


def messages(finished: Finished) -> list[str]:
    """What the agent said to the person."""
    items = [event["item"] for event in events(finished) if event["type"] == "item.completed"]
    return [item["text"] for item in items if item["type"] == "agent_message"]


def failures(finished: Finished) -> list[str]:
    """What the agent said about why it failed."""
    return [event["error"]["message"] for event in events(finished) if event["type"] == "turn.failed"]


def events(finished: Finished) -> list[JSONObject]:
    """The events that the agent wrote."""
    return [dict(orjson.loads(line)) for line in finished.output.splitlines() if line.startswith("{")]
