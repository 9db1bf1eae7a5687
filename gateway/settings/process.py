"""The sections about the process: its listeners, its log and its traces."""

from typing import Annotated, Literal

from msgspec import Meta

from gateway.settings.values import Count, Pause, Port, Seconds, Section

HeartbeatForm = Literal["event", "comment", "off"]
LogFormat = Literal["auto", "json", "text"]
LogLevel = Literal["debug", "info", "warning", "error"]


class ServerSettings(Section, frozen=True, kw_only=True):
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


class AdminSettings(Section, frozen=True, kw_only=True):
    """`[admin]`: the listener of the operator, with metrics and health."""

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Port = 0
    """0 for none."""


class LoggingSettings(Section, frozen=True, kw_only=True):
    """`[logging]`: what the log looks like."""

    format: LogFormat = "auto"
    """`auto` is readable text on a terminal, and JSON everywhere else."""
    level: LogLevel = "info"
    bodies: bool = False
    """Whether prompts and answers are logged."""


class TracingSettings(Section, frozen=True, kw_only=True):
    """`[tracing]`: where traces go."""

    endpoint: str = ""
    """The URL of a collector for OTLP over HTTP; empty for no traces."""
    sample_ratio: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """Of the requests whose client has not decided."""
    service_name: Annotated[str, Meta(min_length=1)] = "responses-gateway"
