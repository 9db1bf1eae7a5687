"""The sections about upstreams: each of them, with what it costs and how long it may take."""

from typing import Annotated, Literal

from msgspec import Meta

from gateway.settings.quirks import Quirks
from gateway.settings.values import Count, CountOrNone, Pause, Price, Seconds, Section, Share

ReasoningEvents = Literal["summary", "text"]
Wire = Literal["chat", "responses"]

TypeName = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_.:*?\[\]!-]+\Z")]
"""The type of a tool, an item or a content part, as a shell pattern."""

ProviderName = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]+\Z")]
"""The first part of a public model id, so it has no slash."""


class Prices(Section, frozen=True, kw_only=True):
    """What a million tokens cost, in the currency of the operator's choice."""

    input: Price = 0
    cached_input: Price | None = None
    """For the part of the input that the upstream had in its cache; as `input` where it is not said."""
    output: Price = 0


class ProviderSettings(Section, frozen=True, kw_only=True):
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
