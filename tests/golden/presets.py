"""The Chat request that each preset makes of one request which has a bit of everything, as a file for people."""

from collections.abc import Iterator
from pathlib import Path

from gateway.codec.json import JSONObject, dumps, parse_body
from gateway.dialects.table import PRESETS
from gateway.translate.request import plan, read_request
from tests.golden.readable import readable

FOLDER = Path(__file__).parent / "presets"

_PICTURE = "data:image/png;base64,iVBORw0KGgo="
_SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def _tool(name: str, **more: object) -> JSONObject:
    return {"type": "function", "name": name, "description": f"Calls {name}.", "parameters": _SCHEMA, **more}


RICH: JSONObject = {
    "model": "provider/model",
    "stream": True,
    "instructions": "Be brief.",
    "input": [
        {"role": "developer", "content": "Answer in English."},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Compare these."},
                {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "high"},
                {"type": "input_image", "image_url": _PICTURE},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [],
            "content": [{"type": "reasoning_text", "text": "I need the weather."}],
        },
        {"type": "function_call", "call_id": "call_1-a", "name": "weather", "arguments": '{"city":"Oslo"}'},
        {"type": "function_call", "call_id": "AbCdEfGh1", "name": "map", "arguments": '{"city":"Oslo"}'},
        {"type": "function_call_output", "call_id": "call_1-a", "output": "rain"},
        {
            "type": "function_call_output",
            "call_id": "AbCdEfGh1",
            "output": [
                {"type": "input_text", "text": "Here it is."},
                {"type": "input_image", "image_url": _PICTURE},
            ],
        },
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "It rains."}]},
        {"role": "user", "content": "Go on."},
        {"role": "developer", "content": "Use the tools."},
        {"type": "function_call", "call_id": "call_2", "name": "weather", "arguments": '{"city":"Rome"}'},
        {"type": "function_call_output", "call_id": "call_2", "output": "sun"},
        {"role": "user", "content": "And now?"},
    ],
    "tools": [_tool("weather", strict=True), _tool("map")],
    "tool_choice": {"type": "function", "name": "weather"},
    "parallel_tool_calls": False,
    "max_output_tokens": 500,
    "temperature": 0.5,
    "top_p": 0.9,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.2,
    "top_logprobs": 2,
    "reasoning": {"effort": "minimal", "summary": "auto"},
    "text": {"format": {"type": "json_schema", "name": "city", "schema": _SCHEMA, "strict": True}, "verbosity": "low"},
    "seed": 7,
    "stop": ["END"],
    "top_k": 20,
    "logit_bias": {"1": -1},
}


def preset_files() -> Iterator[tuple[str, str]]:
    """The name and the content of every file."""
    body = parse_body(dumps(RICH), max_depth=100, max_containers=200_000)
    for preset in PRESETS.values():
        sent = plan(read_request(body), model="model", quirks=preset.quirks(), strict=False, provider=preset.name)
        golden = {"chat_request": sent.body, "dropped": list(sent.dropped)}
        yield f"{preset.name}.json", readable(golden) + "\n"
