"""What the model of a test says, turn by turn, and views of what it was told.

The scripts are those of any chat upstream; only `command` knows an agent's own tool.
"""

import json

from gateway.codec.json import JSONObject
from tests.fakes.chat import call_stream, text_stream
from tests.fakes.upstream import Responder, Script, Upstream


def command(call_id: str, line: str) -> tuple[str, str, str]:
    """A call of Codex's tool that runs a command."""
    return call_id, "exec_command", json.dumps({"cmd": line})


def calls(*of_turn: tuple[str, str, str]) -> Script:
    """A turn in which the model calls tools, each (id, name, arguments)."""
    return Script.of(call_stream(*of_turn))


def text(*pieces: str) -> Script:
    """A turn in which the model says something."""
    return Script.of(text_stream(*pieces))


def in_turns(*scripts: Script, without_tools: str = "A title") -> Responder:
    """Answers by how often the model has spoken in the request's history; requests without tools get a text.

    For agents that ask something else meanwhile, such as a title for the conversation.
    """

    def answer(request: JSONObject) -> Script:
        if not request.get("tools"):
            return text(without_tools)
        spoken: int = sum(message["role"] == "assistant" for message in request["messages"])
        return scripts[min(spoken, len(scripts) - 1)]

    return answer


def heard() -> Responder:
    """Answers with all that users said so far: what an example must print if nothing of its history was lost."""

    def answer(request: JSONObject) -> Script:
        return text(" ".join(_said(message) for message in request["messages"] if message["role"] == "user"))

    return answer


def _said(message: JSONObject) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def results(upstream: Upstream) -> dict[str, str]:
    """The tool results that the last request gave to the model, by call."""
    tools = [message for message in upstream.last.json["messages"] if message["role"] == "tool"]
    return {message["tool_call_id"]: message["content"] for message in tools}


def roles(request: JSONObject) -> list[str]:
    """Who speaks in a chat request, in order."""
    return [message["role"] for message in request["messages"]]


def tool_names(request: JSONObject) -> list[str]:
    """The tools that a chat request offers."""
    return [tool["function"]["name"] for tool in request.get("tools", [])]


def pictures(request: JSONObject) -> list[str]:
    """The addresses of all pictures in a chat request."""
    contents = [message["content"] for message in request["messages"] if isinstance(message["content"], list)]
    return [part["image_url"]["url"] for parts in contents for part in parts if part["type"] == "image_url"]
