"""The members of `POST /v1/responses`, typed.

Words only: which members there are, of which type and range. Members of input items, content parts and
tools are in their own modules. Unknown members never fail here; the reader keeps the top-level ones.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Object = dict[str, object]
"""A JSON object whose members are looked at later."""

Penalty = Annotated[float, Meta(ge=-2, le=2)]
MetadataKey = Annotated[str, Meta(max_length=64)]
MetadataValue = Annotated[str, Meta(max_length=512)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Meta(max_length=16)]


class StreamOptions(Struct, frozen=True):
    """`stream_options`; Codex adds a member of its own."""

    include_obfuscation: bool | None = None
    reasoning_summary_delivery: object = None


class ReasoningOptions(Struct, frozen=True):
    """`reasoning`, of a request or of a `configuration_update` item."""

    effort: str | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    generate_summary: Literal["auto", "concise", "detailed"] | None = None
    context: str | None = None
    mode: str | None = None


class TextFormat(Struct, frozen=True):
    """`text.format`; the last four belong to `json_schema`."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema: Object | None = None
    strict: bool | None = None
    description: str | None = None


class TextOptions(Struct, frozen=True):
    """`text`."""

    format: TextFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class ConversationReference(Struct, frozen=True):
    """`conversation` in its long form."""

    id: str


class ModerationRule(Struct, frozen=True):
    """What happens to input or output that moderation objects to."""

    mode: str | None = None


class ModerationPolicy(Struct, frozen=True):
    """`moderation.policy`."""

    input: ModerationRule | None = None
    output: ModerationRule | None = None


class Moderation(Struct, frozen=True):
    """`moderation`."""

    model: str | None = None
    policy: ModerationPolicy | None = None


class CreateRequest(Struct, frozen=True, kw_only=True):
    """A request to create a response. `None` means absent or null, which the API treats alike."""

    model: str
    input: str | list[Object] | None = None
    instructions: str | None = None
    previous_response_id: str | None = None
    conversation: str | ConversationReference | None = None
    prompt: Object | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    background: bool | None = None
    background_options: Object | None = None
    store: bool | None = None
    include: list[str] | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_tool_calls: Annotated[int, Meta(ge=0)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    tools: list[Object] | None = None
    tool_choice: str | Object | None = None
    parallel_tool_calls: bool | None = None
    text: TextOptions | None = None
    reasoning: ReasoningOptions | None = None
    truncation: Literal["auto", "disabled"] | None = None
    metadata: Metadata | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    prompt_cache_options: Object | None = None
    user: str | None = None
    context_management: list[Object] | None = None
    moderation: Moderation | None = None
    access_programs: Object | None = None
    image: Object | None = None
    generate: bool | None = None
    client_metadata: Object | None = None

    extra: Object = {}
    """Top-level members that the API does not know. Filled by the reader, never by a member of this name."""
    members: tuple[str, ...] = ()
    """Every top-level member in the order in which the client wrote them. Filled by the reader."""
    history: list[Object] = []
    """Items that come before `input`. Filled from what is stored, as are the next two."""
    history_from: str = ""
    """The member that named them: `previous_response_id` or `conversation`."""
    has_state: bool = False
    """Whether there is a store, so that `store`, `background` and those two can be honoured."""


READER_FIELDS = frozenset({"extra", "members", "history", "history_from", "has_state"})
FIELDS = frozenset(CreateRequest.__struct_fields__) - READER_FIELDS
"""The members that the API knows."""
