"""The settings, as typed frozen data: what can be configured, in which range, and the default of each.

Nothing here reads a file or the environment, and rules that need more than one field (a target's provider must
exist) are not here either: `gateway.configuration` does both. `config/gateway.toml` shows every key to users.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1)]
CountOrNone = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0, le=10_000_000)]
Pause = Annotated[float, Meta(ge=0, le=10_000_000)]
"""Seconds that may be none at all."""

HeartbeatForm = Literal["event", "comment", "off"]
TranslationMode = Literal["lenient", "strict"]
ReasoningEvents = Literal["summary", "text"]
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
Wire = Literal["chat", "responses"]
StateBackend = Literal["memory", "none", "sqlite", "postgresql"]
OnCorruption = Literal["refuse", "set_aside"]
LogFormat = Literal["auto", "json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]
TokenCount = Literal["none", "vllm", "llama_cpp"]

BodyMember = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_*?\[\]!-]+\Z")]
"""The name of a member of the Chat request, as a shell pattern."""

Price = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0, le=1)]

TypeName = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_.:*?\[\]!-]+\Z")]
"""The type of a tool, an item or a content part, as a shell pattern."""

ProviderName = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]+\Z")]
"""The first part of a public model id, so it has no slash."""


class _Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the configuration file: immutable, and every key in it is known."""


class ServerSettings(_Section, frozen=True, kw_only=True):
    """`[server]`: the listener and what one client may cost."""

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Port = 8080
    default_model: str = ""
    """For requests without a model, unless their key has one of its own."""
    max_body_bytes: Count = 67_108_864
    """Real agent requests pass 2 MB, and images travel inline."""
    max_json_containers: Count = 200_000
    """Objects and arrays in one body: each costs far more memory than its two bytes."""
    max_json_depth: Annotated[int, Meta(ge=1, le=1000)] = 100
    body_timeout_seconds: Seconds = 30
    keep_alive_seconds: Seconds = 75
    """Longer than nginx keeps its idle connections (60 s): the proxy closes first and never meets a closed one."""
    heartbeat_seconds: Seconds = 10
    """Proxies on the way close a connection after 60 to 100 silent seconds."""
    heartbeat: HeartbeatForm = "event"
    """Comments do not reset the idle timer of every client; an event does."""
    commit_after_seconds: Pause = 5
    """How long the status line waits for the upstream, so that its refusal can still be an HTTP error."""
    write_stall_seconds: Seconds = 30
    drain_seconds: Pause = 60
    reuse_port: bool = False


class AdminSettings(_Section, frozen=True, kw_only=True):
    """`[admin]`: the listener of the operator, with metrics and health."""

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Port = 0
    """0 for none."""


class AuthSettings(_Section, frozen=True, kw_only=True):
    """`[auth]`: where the keys of the clients are."""

    keys_file: str = "keys.toml"
    """Relative to the configuration file, absolute once loaded; empty for none."""
    reload_seconds: Seconds = 2
    """How often the file is looked at for a change."""


class Limits(_Section, frozen=True, kw_only=True):
    """What one key may use; 0 for as much as it likes."""

    requests_per_minute: CountOrNone = 0
    tokens_per_minute: CountOrNone = 0
    """Input and output together."""
    max_concurrency: CountOrNone = 0
    """Answers at once, also those that are made in the background."""
    tokens_per_day: CountOrNone = 0
    tokens_per_month: CountOrNone = 0
    cost_per_day: Price = 0
    cost_per_month: Price = 0

    @property
    def is_counted(self) -> bool:
        """Whether anything has to be counted while it happens."""
        return bool(self.requests_per_minute or self.tokens_per_minute or self.max_concurrency)

    @property
    def has_budget(self) -> bool:
        """Whether it has to be known what has been spent."""
        return bool(self.tokens_per_day or self.tokens_per_month or self.cost_per_day or self.cost_per_month)


class KeyLimits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The members of a key that go before those of `[limits]`; None where it has none of its own."""

    requests_per_minute: CountOrNone | None = None
    tokens_per_minute: CountOrNone | None = None
    max_concurrency: CountOrNone | None = None
    tokens_per_day: CountOrNone | None = None
    tokens_per_month: CountOrNone | None = None
    cost_per_day: Price | None = None
    cost_per_month: Price | None = None

    def over(self, common: Limits) -> Limits:
        """The limits of a key with these members."""
        names = KeyLimits.__struct_fields__
        own = ((name, getattr(self, name)) for name in names)
        return Limits(**{name: getattr(common, name) if value is None else value for name, value in own})


class LimitsSettings(Limits, frozen=True, kw_only=True):
    """`[limits]`: what every key may use that says nothing else of itself, and what the whole process bears."""

    redis: str = ""
    """Where several processes count together; empty: each counts for itself."""
    redis_timeout_seconds: Seconds = 0.1
    budgets_file: str = "budgets.json"
    """Relative to the configuration file, absolute once loaded; empty for none. Not used with Redis."""
    max_open_streams: CountOrNone = 10_000
    """Answers under way, also those that are no streams; 0 for no cap, as for the next two."""
    max_buffered_bytes: CountOrNone = 536_870_912
    max_body_bytes_in_flight: CountOrNone = 1_073_741_824
    """At least `max_body_bytes` of `[server]`."""


class LoggingSettings(_Section, frozen=True, kw_only=True):
    """`[logging]`: what the log looks like."""

    format: LogFormat = "auto"
    """`auto` is readable text on a terminal, and JSON everywhere else."""
    level: LogLevel = "info"
    bodies: bool = False
    """Whether prompts and answers are logged."""


class TracingSettings(_Section, frozen=True, kw_only=True):
    """`[tracing]`: where traces go."""

    endpoint: str = ""
    """The URL of a collector for OTLP over HTTP; empty for no traces."""
    sample_ratio: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """Of the requests whose client has not decided."""
    service_name: Annotated[str, Meta(min_length=1)] = "responses-gateway"


class SealingSettings(_Section, frozen=True, kw_only=True):
    """`[sealing]`: where the keys are that seal reasoning for the clients to carry."""

    keys_file: str = "sealing.keys"
    """Relative to the configuration file, absolute once loaded; empty for a key of the process's own."""


class StateSettings(_Section, frozen=True, kw_only=True):
    """`[state]`: where responses and conversations are stored, and how much of them."""

    backend: StateBackend = "memory"
    """`memory` and `none` need nothing, `sqlite` is for the processes of one host, `postgresql` for several hosts."""
    path: str = "responses.db"
    """The file of `sqlite`; relative to the configuration file, absolute once loaded."""
    url: str = ""
    """The database of `postgresql`."""
    max_bytes: CountOrNone = 0
    """0 for what fits the backend, as for the next one."""
    max_records: CountOrNone = 0
    """Responses and conversations together."""
    max_age_seconds: Pause = 2_592_000
    """Since a record was made, changed or continued; 0 for ever."""
    purge_seconds: Seconds = 60
    """How often the store is looked at for what is beyond its bounds."""
    timeout_seconds: Seconds = 2
    """How long the store may take; a response waits so long for it before its end is told."""
    on_corruption: OnCorruption = "refuse"
    """What happens at the start to a file that is damaged."""
    max_chain: Count = 1000
    """Responses that one may continue, one after the other."""
    max_background: Count = 1000
    """Responses in the background at once, in one process."""
    max_background_per_key: Count = 100


class TranslationSettings(_Section, frozen=True, kw_only=True):
    """`[translation]`: what happens to the things that an upstream cannot do."""

    mode: TranslationMode = "lenient"
    """`lenient` reports them in `x-gateway-dropped`, `strict` refuses the request."""


def _common_efforts() -> dict[str, str]:
    """Levels that many upstreams refuse, and what comes closest."""
    return {"minimal": "low", "xhigh": "high", "max": "high"}


class Quirks(_Section, frozen=True, kw_only=True):
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


class Prices(_Section, frozen=True, kw_only=True):
    """What a million tokens cost, in the currency of the operator's choice."""

    input: Price = 0
    cached_input: Price | None = None
    """For the part of the input that the upstream had in its cache; as `input` where it is not said."""
    output: Price = 0


class ProviderSettings(_Section, frozen=True, kw_only=True):
    """One `[[providers]]`: an upstream that speaks Chat Completions."""

    name: ProviderName
    base_url: str
    """Used as it stands: paths such as `/chat/completions` are appended, `/v1` never is."""
    wire: Wire = "chat"
    """The API that is asked for answers."""
    drop_types: tuple[TypeName, ...] = ()
    """With `responses`: types of tools, items and content parts that this server refuses."""
    api_key: str = ""
    models: tuple[str, ...] = ()
    """Shell patterns of the ids that may be asked for; none means whatever the upstream has."""
    context_windows: dict[str, Count] = {}
    """Tokens that fit, by shell patterns of ids, where the upstream does not say or says too much."""
    headers: dict[str, str] = {}
    hosted_tools: dict[str, dict[str, object]] = {}
    """Members of the Chat request by the type of hosted tool that they stand for."""
    reasoning_events: ReasoningEvents = "summary"
    """Which kind of events carries the upstream's reasoning to the client."""
    ca_file: str = ""
    """Relative to the configuration file, absolute once loaded, as are the next two and `unix_socket`."""
    client_certificate: str = ""
    client_key: str = ""
    proxy: str = ""
    """Empty for none, a URL, or `env` for the variables of the environment."""
    unix_socket: str = ""
    """Where the connections go, whatever the host of `base_url` is."""
    keep_alive_seconds: Pause = 15
    """How long a connection without a request is kept; 0 makes a new one for each request."""
    dns_cache_seconds: CountOrNone = 60
    connect_timeout_seconds: Seconds = 3
    first_byte_timeout_seconds: Seconds = 300
    idle_timeout_seconds: Seconds = 300
    """Some servers say nothing while a whole tool call is generated; comments count as life."""
    total_timeout_seconds: Seconds = 3600
    max_event_bytes: Count = 16_777_216
    max_response_bytes: Count = 67_108_864
    models_ttl_seconds: Pause = 60
    max_concurrency: CountOrNone = 0
    """How many requests it gets at once; 0 for any number."""
    queue_size: CountOrNone = 100
    """How many more may wait for their turn, in the order in which they came."""
    queue_timeout_seconds: Seconds = 60
    max_tries: Count = 2
    """How often one request may be sent to it, before there is any output."""
    retry_pause_seconds: Pause = 0.2
    """Before the second try; twice as long before each further one, and shortened by up to a half by chance."""
    retry_after_limit_seconds: Pause = 5
    """An upstream that wants a longer pause than this is not asked again."""
    retry_budget: Share = 0.2
    """How many tries again there may be for each request, so that an upstream in trouble is not buried by them."""
    breaker_failures: CountOrNone = 5
    """After so many failures without a success between them it is left alone for a while; 0 for never."""
    breaker_window_seconds: Seconds = 10
    breaker_cooldown_seconds: Seconds = 10
    prices: dict[str, Prices] = {}
    """By shell patterns of model ids; the first that matches counts."""
    dialect: str = "generic"
    """The preset whose quirks count where `quirks` has none of its own."""
    quirks: Quirks = Quirks()


class WeightedTarget(_Section, frozen=True, kw_only=True):
    """A target that gets more or less than its equals."""

    target: str
    weight: Annotated[float, Meta(gt=0, le=1_000_000)] = 1


OneTarget = str | WeightedTarget
"""`provider/model`, perhaps with a weight."""


class AliasSettings(_Section, frozen=True, kw_only=True):
    """One `[[models]]`: a public model id with the targets that are tried in order."""

    id: Annotated[str, Meta(min_length=1)]
    targets: Annotated[tuple[OneTarget | Annotated[tuple[OneTarget, ...], Meta(min_length=1)], ...], Meta(min_length=1)]
    """Each is tried after the one before; those in a list of their own are equals, which share the conversations."""


def replicas_of(alias: AliasSettings) -> list[list[WeightedTarget]]:
    """The targets by rank, each rank as a list of equals."""
    return [[_weighted(target) for target in (rank if isinstance(rank, tuple) else (rank,))] for rank in alias.targets]


def _weighted(target: OneTarget) -> WeightedTarget:
    return WeightedTarget(target=target) if isinstance(target, str) else target


class RoutingSettings(_Section, frozen=True, kw_only=True):
    """`[routing]`: how far a request is carried on after a failure."""

    max_attempts: Count = 4
    """Requests to upstreams for one request of a client, all targets and tries together."""


class Settings(_Section, frozen=True, kw_only=True):
    """Everything that one process is configured with."""

    server: ServerSettings = ServerSettings()
    admin: AdminSettings = AdminSettings()
    auth: AuthSettings = AuthSettings()
    limits: LimitsSettings = LimitsSettings()
    logging: LoggingSettings = LoggingSettings()
    sealing: SealingSettings = SealingSettings()
    state: StateSettings = StateSettings()
    tracing: TracingSettings = TracingSettings()
    translation: TranslationSettings = TranslationSettings()
    routing: RoutingSettings = RoutingSettings()
    providers: tuple[ProviderSettings, ...] = ()
    models: tuple[AliasSettings, ...] = ()
