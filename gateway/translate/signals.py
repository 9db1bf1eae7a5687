"""The vocabulary between a reader of an upstream format and the composer of Responses events.

A *signal* is the neutral unit of a model's answer. A reader absorbs its upstream's dialect and promises only
this: no text is empty, `CallArguments` belong to the call that the last `CallStart` announced, and one `Finish` or
`Failure` comes last.
"""

from collections.abc import Sequence
from enum import Enum
from typing import Literal

from msgspec import Struct

from gateway.codec.json import JSONObject, JSONValue
from gateway.errors import GatewayError
from gateway.translate.tool_names import ToolOrigin


class Text(Struct, frozen=True):
    """Visible text; `logprobs` are entries in the form of Chat Completions, for these tokens."""

    text: str
    logprobs: list[JSONObject] | None = None


class Texts(Struct, frozen=True):
    """Further pieces of the visible text that is under way, each as a `Text` without `logprobs` would be."""

    texts: Sequence[str]


class Reasoning(Struct, frozen=True):
    """Text of the model's reasoning."""

    text: str


class Opaque(Struct, frozen=True):
    """State that the upstream wants back unchanged on the next turn, in the member `field` of Chat Completions.

    `reasoning_details` hold a list, of which this may be a piece; `extra_content` belongs to the call `call_id`;
    `item` is the reasoning item of an upstream that speaks Responses, as it came.
    """

    field: Literal["reasoning_details", "extra_content", "item"]
    value: JSONValue
    call_id: str = ""


class Refusal(Struct, frozen=True):
    """Text with which the model declines."""

    text: str


class CallStart(Struct, frozen=True):
    """A tool call begins. `call_id` is the upstream's, empty if it gave none; `name` is the Chat name.

    `origin` is the tool that is called, from an upstream that knows the tools as the client declared them.
    """

    call_id: str
    name: str
    origin: ToolOrigin | None = None


class CallArguments(Struct, frozen=True):
    """The next piece of the arguments of the call that began last."""

    fragment: str


class MessageStart(Struct, frozen=True):
    """A message begins, and is not the one before; `phase` is the upstream's word for its part in the answer."""

    phase: str = ""


class ReasoningStart(Struct, frozen=True):
    """A reasoning item begins, and is not the one before; it may have no text at all."""


class PartEnd(Struct, frozen=True):
    """The part of a message or of reasoning is over: what follows is another one."""


class Annotation(Struct, frozen=True):
    """A source or file that the visible text so far refers to, in the form of the Responses API."""

    annotation: JSONObject


class Whole(Struct, frozen=True):
    """An output item that comes in one piece, in the form of the Responses API: a hosted tool's, for example."""

    item: JSONObject


class Usage(Struct, frozen=True):
    """Token counts as the upstream reported them; `output_tokens` includes `reasoning_tokens`."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False


class Outcome(Enum):
    """How a model ended its answer, or who ended it; most values are the reason in `incomplete_details`."""

    COMPLETED = None
    CANCELLED = "cancelled"
    MAX_OUTPUT_TOKENS = "max_output_tokens"
    CONTENT_FILTER = "content_filter"


class Finish(Struct, frozen=True):
    """The answer is over, and this is what it cost, if the upstream said so."""

    outcome: Outcome
    usage: Usage | None = None


class Failure(Struct, frozen=True):
    """The answer will not be finished."""

    error: GatewayError
    usage: Usage | None = None


Signal = (
    Text
    | Texts
    | Reasoning
    | Opaque
    | Refusal
    | CallStart
    | CallArguments
    | MessageStart
    | ReasoningStart
    | PartEnd
    | Annotation
    | Whole
    | Finish
    | Failure
)
