"""The quirks of a provider, each with the values that it may have."""

from typing import Annotated, Literal

from msgspec import Meta, field

from gateway.settings.values import Section

ThinkTags = Literal["off", "auto", "on", "implicit_open"]
ContentMode = Literal["incremental", "cumulative"]
MaxTokensField = Literal["max_tokens", "max_completion_tokens", "both"]
SystemRole = Literal["system", "developer", "user"]
SystemMode = Literal["merge_first", "keep"]
AssistantNullContent = Literal["null", "empty", "omit"]
Images = Literal["url", "data", "none"]
Files = Literal["none", "file"]
UserAfterTool = Literal["ok", "assistant"]
ToolCallId = Literal["keep", "alnum9"]
ToolResultContent = Literal["string", "parts"]
Auth = Literal["bearer", "api-key", "none"]
ReasoningField = Literal["reasoning_content", "reasoning", "reasoning_details", "thinking_parts", "think_tags", "none"]
ReasoningScope = Literal["all", "tool_turns"]
ReasoningParam = Literal[
    "effort", "openrouter", "thinking_effort", "thinking_type", "enable_thinking", "chat_template_kwargs", "none"
]
SendOrDrop = Literal["send", "drop"]
ResponseFormat = Literal["json_schema", "json_object"]
ToolChoice = Literal["auto", "none", "required", "named"]
TokenCount = Literal["none", "vllm", "llama_cpp"]

BodyMember = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_*?\[\]!-]+\Z")]
"""The name of a member of the Chat request, as a shell pattern."""


def _common_efforts() -> dict[str, str]:
    """Levels that many upstreams refuse, and what comes closest."""
    return {"minimal": "low", "xhigh": "high", "max": "high"}


class Quirks(Section, frozen=True, kw_only=True):
    """`[providers.quirks]`: how an upstream's dialect differs from the common one."""

    think_tags: ThinkTags = "off"
    """Whether reasoning arrives inside the text, as `<think>...</think>`."""
    content_mode: ContentMode = "incremental"
    """`cumulative`: each chunk repeats the whole text so far."""
    max_tokens_field: MaxTokensField = "max_tokens"
    stream_usage: bool = True
    """Whether `stream_options.include_usage` may be sent."""
    system_role: SystemRole = "system"
    """The role of instructions and of developer messages."""
    system_mode: SystemMode = "merge_first"
    """Many chat templates refuse a system message that is not the first one."""
    assistant_null_content: AssistantNullContent = "null"
    """The `content` of an assistant message that has only tool calls."""
    merge_same_role: bool = False
    """Whether messages of one role that follow each other must become one."""
    user_after_tool: UserAfterTool = "ok"
    """`assistant`: an assistant's message must stand between a tool's and a user's."""
    tool_call_id: ToolCallId = "keep"
    """`alnum9`: ids of calls have nine letters and digits; others get one that stands for them."""
    tool_result_content: ToolResultContent = "string"
    """`parts`: the message of a tool may hold pictures; else they follow in a user's message."""
    images: Images = "url"
    """`data`: only pictures that are in the request, no addresses."""
    files: Files = "none"
    """`file`: other files than texts may be sent, as a part `file`."""
    reasoning_field: ReasoningField = "reasoning_content"
    """Where the reasoning of earlier turns is given back."""
    reasoning_scope: ReasoningScope = "all"
    """The turns whose reasoning is given back."""
    reasoning_required: bool = False
    """Whether a turn with tool calls must have the field, empty if there was no reasoning."""
    tool_extra_content: bool = False
    """Whether `extra_content` of tool calls (Gemini's thought signatures) is given back."""
    reasoning_param: ReasoningParam = "effort"
    """The form in which the wanted effort is sent; some upstreams know only on and off."""
    efforts: dict[str, str] = field(default_factory=_common_efforts)
    """What is sent instead of an effort; nothing at all for an empty word."""
    parallel_tool_calls: SendOrDrop = "send"
    strict_tools: SendOrDrop = "send"
    response_format: tuple[ResponseFormat, ...] = ("json_schema", "json_object")
    tool_choice: tuple[ToolChoice, ...] = ("auto", "none", "required", "named")
    token_count: TokenCount = "none"  # noqa: S105 - tokens of text
    """Which endpoint of the upstream counts the tokens of a prompt."""
    verbosity: bool = False
    """Whether the upstream knows `verbosity`; most refuse what they do not know."""
    drop: tuple[BodyMember, ...] = ()
    """Members of the body that are never sent."""
    extra_body: dict[str, object] = {}
    """Members added to every request body."""
    auth: Auth = "bearer"
    """The header that has the key."""
    chat_path: Annotated[str, Meta(pattern=r"\A/[^?#\s]*\Z")] = "/chat/completions"
    """Behind the base URL; `{model}` stands for the model's id."""
    query: dict[str, str] = {}
    """The query of every address of the upstream."""
