"""A small MCP server over stdin and stdout, run by an agent: one tool that adds, one that gives a picture.

Only what an agent asks for to list and call tools; there is no library behind it.
"""

import json
import sys

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGP4z8CAFWEXHbQSACj/P8Fu7N9hAAAAAElFTkSuQmCC"
NUMBERS = {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]}
TOOLS = [
    {"name": "add_numbers", "description": "Add two numbers", "inputSchema": NUMBERS},
    {"name": "picture", "description": "Give a picture", "inputSchema": {"type": "object", "properties": {}}},
]


def result_of(method: str, parameters: dict[str, object]) -> dict[str, object]:
    """The result of a request."""
    if method == "initialize":
        information = {"name": "demo", "version": "1"}
        capabilities: dict[str, object] = {"tools": {}}
        version = parameters["protocolVersion"]
        return {"protocolVersion": version, "capabilities": capabilities, "serverInfo": information}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        return {"content": [content_of(parameters)]}
    return {}


def content_of(parameters: dict[str, object]) -> dict[str, object]:
    """What a tool gives."""
    if parameters["name"] == "picture":
        return {"type": "image", "data": PICTURE, "mimeType": "image/png"}
    numbers = parameters["arguments"]
    assert isinstance(numbers, dict)
    return {"type": "text", "text": f"the sum is {numbers['a'] + numbers['b']}"}


def main() -> None:
    """Answer each request of stdin until it ends."""
    for line in sys.stdin:
        request = json.loads(line)
        if "id" in request:
            result = result_of(request["method"], request.get("params") or {})
            sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
