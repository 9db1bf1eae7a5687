"""The Chat request that the gateway makes of each recorded request of a client, as a file that a person can read.

A file also lists what is reported as dropped, or the error where the request is refused. The tools that a client
repeats with each request are written once: a later file names the one that has them.
"""

from collections.abc import Iterator
from pathlib import Path

from gateway.codec.json import JSONObject, JSONValue, dumps, loads, parse_body
from gateway.errors import GatewayError
from gateway.settings import Quirks
from gateway.translate.request import plan, read_request
from tests.golden.readable import readable

RECORDED = Path(__file__).parents[1] / "clients" / "recorded"
FOLDER = Path(__file__).parent / "chat_requests"


def chat_request_files() -> Iterator[tuple[str, str]]:
    """The name and the content of every file."""
    for path in sorted(RECORDED.glob("*.json")):
        tools_seen: dict[str, str] = {}
        for number, recorded in enumerate(loads(path.read_bytes())["requests"], 1):
            # A WebSocket has no body: its upgrade is refused, and the client comes again with a POST.
            if recorded["body"] is not None:
                name = f"{path.stem}-{number}"
                golden = _golden(recorded["body"])
                _name_known_tools(golden, name, tools_seen)
                yield f"{name}.json", readable(golden) + "\n"


def _golden(body: JSONObject) -> JSONObject:
    parsed = parse_body(dumps(body), max_depth=100, max_containers=200_000)
    try:
        sent = plan(read_request(parsed), model=parsed["model"], quirks=Quirks(), strict=False)
    except GatewayError as error:
        return {"error": {"status": error.status, "code": error.code, "param": error.param, "message": str(error)}}
    return {"chat_request": sent.body, "dropped": list(sent.dropped)}


def _name_known_tools(golden: JSONObject, name: str, tools_seen: dict[str, str]) -> None:
    chat_request: JSONObject = golden.get("chat_request", {})
    tools: JSONValue = chat_request.get("tools")
    if tools:
        first = tools_seen.setdefault(dumps(tools).decode(), name)
        golden["chat_request"] = chat_request if first == name else chat_request | {"tools": f"<<as in {first}.json>>"}
