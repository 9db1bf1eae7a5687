"""Traces of requests and of what upstreams were asked, in OpenTelemetry's form: an extra, and nothing without it.

Spans have the names and attributes of the conventions for HTTP and generative AI, and nothing of a prompt or an answer:
https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/. The W3C context of the client is taken over and
passed on to upstreams.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Self

from gateway.configuration.extras import OTEL
from gateway.settings import TracingSettings
from gateway.telemetry.report import Report, cut

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

_EXPORT_SECONDS = 2
"""For one batch, and for the last one when the process ends."""

_LONGEST_STATE = 512
"""Characters of a `tracestate`, which everybody on the way may add to (https://www.w3.org/TR/trace-context/)."""

_GOOD_ENDS = ("completed", "incomplete", "cancelled")

_current: ContextVar["RequestTrace | None"] = ContextVar("trace", default=None)


class Traces:
    """Makes the traces of one process.

    Args:
        provider: where spans go.
    """

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("gateway")

    def begin(self, headers: Mapping[str, str], request_id: str) -> "RequestTrace":
        """A request has come; what is asked for it in this task belongs to its trace."""
        from opentelemetry.trace import SpanKind  # noqa: PLC0415 - an extra, as all of it

        span = self._tracer.start_span(
            "request", _context_of(headers), SpanKind.SERVER, attributes={"gateway.request_id": request_id}
        )
        trace = RequestTrace(self._tracer, span)
        _current.set(trace)
        return trace

    def close(self) -> None:
        """Sends what has not been sent; blocks for some seconds at most."""
        self._provider.shutdown()


class RequestTrace:
    """The span of one request."""

    __slots__ = ("_tracer", "span")

    def __init__(self, tracer: "Tracer", span: "Span") -> None:
        self._tracer = tracer
        self.span = span

    def end(self, report: Report) -> None:
        """The request is over, and this became of it."""
        work = report.work
        self.span.update_name(report.route or report.method)
        self.span.set_attributes(
            {
                "http.request.method": report.method,
                "http.route": report.route.partition(" ")[2],
                "http.response.status_code": report.status,
                "gateway.termination": work.termination,
            }
        )
        if work.model:
            self.span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.request.model": cut(work.model)})
        if work.consumption is not None:
            self.span.set_attribute("gen_ai.usage.input_tokens", work.consumption.input_tokens)
            self.span.set_attribute("gen_ai.usage.output_tokens", work.consumption.output_tokens)
        if work.termination not in _GOOD_ENDS:
            _fail(self.span, work.termination)
        self.span.end()

    def ask(self, provider: str, model: str) -> "Span":
        """An upstream is asked: its span, which is the caller's to end."""
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415

        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider,
            "gen_ai.request.model": cut(model),
        }
        return self._tracer.start_span(
            f"chat {cut(model)}", set_span_in_context(self.span), SpanKind.CLIENT, attributes=attributes
        )


class Asking:
    """What is asked of one upstream while the block of `asking` runs."""

    __slots__ = ("_token", "error", "span")

    def __init__(self, span: "Span") -> None:
        self.span = span
        self.error = ""
        """The word for why it failed; empty as long as it has not."""

    def __enter__(self) -> Self:
        self._token = _asked.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _asked.reset(self._token)
        if self.error:
            _fail(self.span, self.error)
        self.span.end()


_asked: ContextVar[Asking | None] = ContextVar("asked", default=None)
_UNTRACED = nullcontext[None]()


def asking(provider: str, model: str) -> Asking | AbstractContextManager[None]:
    """The span of one attempt, where the request has a trace."""
    trace = _current.get()
    return _UNTRACED if trace is None else Asking(trace.ask(provider, model))


def headers_to_pass_on() -> dict[str, str]:
    """The W3C context for the upstream that is asked now; none without a trace."""
    asked = _asked.get()
    if asked is None:
        return {}
    from opentelemetry.trace import set_span_in_context  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier, set_span_in_context(asked.span))
    return carrier


def open_traces(settings: TracingSettings, exporter: "SpanExporter | None" = None) -> Traces | None:
    """The traces that the settings ask for; None for none.

    Args:
        settings: where to, and how many.
        exporter: takes the spans, in the place of what the settings name.

    Raises:
        ConfigurationError: when the extra is missing.
    """
    if not settings.endpoint:
        return None
    OTEL.require()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(settings.sample_ratio)),
        resource=Resource.create({"service.name": settings.service_name}),
        shutdown_on_exit=False,
    )
    exporter = exporter or OTLPSpanExporter(endpoint=settings.endpoint, timeout=_EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Traces(provider)


def _context_of(headers: Mapping[str, str]) -> "Context":
    """The client's trace, if it says that there is one."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    names = ("traceparent", "tracestate")
    carrier = {name: headers[name] for name in names if name in headers and len(headers[name]) <= _LONGEST_STATE}
    return TraceContextTextMapPropagator().extract(carrier)


def _fail(span: "Span", word: str) -> None:
    from opentelemetry.trace import StatusCode  # noqa: PLC0415

    span.set_attribute("error.type", word)
    span.set_status(StatusCode.ERROR)
