"""A real server with the real gateway in front of it, and what the model was taught to say.

The model answers these words exactly at temperature 0; anything else that reaches the client is somebody's mistake.
"""

from dataclasses import dataclass

from openai import AsyncOpenAI
from openai.types.responses import FunctionToolParam, Response, ResponseFunctionToolCall

from tests.fakes.gateway import GatewayProcess
from tests.upstreams.running import RunningServer
from tests.upstreams.servers import Server

HELLO = "Hello there! How can I help you today?"
EMOJI = "Café naïve — 日本語 🚀👍🏽 done."
COUNT = ", ".join(map(str, range(1, 41))) + "."
PERSON = '{"name": "Ada", "age": 36, "tags": ["x", "y"]}'
THOUGHT = "Two and two make four."
NOTE = {"text": 'line "one"\nline two', "tags": ["a", "b"]}

MODEL = "parrot"
"""The alias of the model, whatever the server calls it."""

COMMA = "14"

ENDLESS = {"logit_bias": {COMMA: 100.5}}
"""Members of a request that make the model write commas up to the limit; transformers wants a fraction."""

ENDLESS_TOKENS = 1500


def function(name: str, **properties: object) -> FunctionToolParam:
    """A tool as the model knows it."""
    schema: dict[str, object] = {"type": "object", "properties": properties, "required": list(properties)}
    return {
        "type": "function",
        "name": name,
        "description": f"Calls {name}.",
        "parameters": schema | {"additionalProperties": False},
        "strict": True,
    }


TOOLS = [
    function("get_weather", city={"type": "string"}),
    function("get_time"),
    function("add_note", text={"type": "string"}, tags={"type": "array", "items": {"type": "string"}}),
]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a test has."""

    running: RunningServer
    gateway: GatewayProcess
    sdk: AsyncOpenAI

    @property
    def server(self) -> Server:
        return self.running.server


def calls_of(response: Response) -> list[ResponseFunctionToolCall]:
    """The function calls of an answer."""
    return [item for item in response.output if isinstance(item, ResponseFunctionToolCall)]


def thoughts_of(response: Response) -> str:
    """The reasoning of an answer."""
    items = [item for item in response.output if item.type == "reasoning"]
    return "".join(part.text for item in items for part in item.summary)
