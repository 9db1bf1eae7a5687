"""Traces as a collector gets them, from a gateway and an upstream on real sockets."""

import asyncio
import sys

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from gateway.configuration import ConfigurationError
from gateway.settings import TracingSettings
from gateway.telemetry.traces import open_traces
from tests.fakes import chat
from tests.fakes.local_gateway import local_gateway, provider
from tests.fakes.upstream import Script, running_upstream, serving

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SETTINGS = TracingSettings(endpoint="http://127.0.0.1:9/v1/traces")
REQUEST = {"model": "up/model", "input": "the secret prompt", "stream": True}


async def spans_of(
    script: Script, headers: dict[str, str], settings: TracingSettings = SETTINGS, status: int = 200
) -> tuple[list[ReadableSpan], dict[str, str]]:
    """What is exported for one request, and the headers that the upstream got."""
    exporter = InMemorySpanExporter()
    traces = open_traces(settings, exporter)
    assert traces is not None
    async with running_upstream() as upstream, local_gateway(provider(upstream.base_url), traces=traces) as gateway:
        upstream.answer(script)
        async with (
            aiohttp.ClientSession(headers=gateway.headers) as session,
            session.post(f"{gateway.base_url}/responses", json=REQUEST, headers=headers) as answer,
        ):
            assert answer.status == status
            await answer.read()
        sent = upstream.last.headers
    traces.close()
    return list(exporter.get_finished_spans()), dict(sent)


async def test_a_request_and_what_was_asked_for_it_are_in_the_clients_trace() -> None:
    context = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"}
    (asked, request), sent = await spans_of(Script.of(chat.text_stream("Hi")), context)
    assert (request.name, request.kind) == ("POST /v1/responses", SpanKind.SERVER)
    assert (asked.name, asked.kind) == ("chat model", SpanKind.CLIENT)
    assert request.parent is not None
    assert asked.parent is not None
    assert f"{request.parent.span_id:016x}" == PARENT
    assert asked.parent.span_id == request.context.span_id
    assert {f"{span.context.trace_id:032x}" for span in (asked, request)} == {TRACE}
    assert sent["traceparent"] == f"00-{TRACE}-{asked.context.span_id:016x}-01"
    assert sent["tracestate"] == "vendor=1"


async def test_spans_tell_what_became_of_the_request_and_nothing_of_its_contents() -> None:
    spans, _ = await spans_of(Script.of(chat.text_stream("the secret answer")), {})
    asked, request = (dict(span.attributes or {}) for span in spans)
    assert asked["gen_ai.provider.name"] == "up"
    assert request["gen_ai.request.model"] == "up/model"
    assert request["http.response.status_code"] == 200
    assert request["gateway.termination"] == "completed"
    assert "gen_ai.usage.output_tokens" in request
    assert "secret" not in "".join(span.to_json() for span in spans)


async def test_failures_are_told_by_their_word() -> None:
    spans, _ = await spans_of(Script((b"no",), status=400), {}, status=400)
    assert [(span.status.status_code, (span.attributes or {})["error.type"]) for span in spans] == [
        (StatusCode.ERROR, "400"),
        (StatusCode.ERROR, "failed_upstream_status"),
    ]


@pytest.mark.parametrize("parent", ["rubbish", f"00-{'0' * 32}-{PARENT}-01", "x" * 5000])
async def test_rubbish_in_the_context_begins_a_trace_of_its_own(parent: str) -> None:
    (_, request), sent = await spans_of(Script.of(chat.text_stream("Hi")), {"traceparent": parent, "tracestate": "\\"})
    assert request.parent is None
    assert sent["traceparent"].split("-")[1] == f"{request.context.trace_id:032x}"


async def test_a_client_that_is_not_sampled_is_not_traced() -> None:
    spans, sent = await spans_of(
        Script.of(chat.text_stream("Hi")), {"traceparent": f"00-{TRACE}-{PARENT}-00"}, SETTINGS
    )
    assert spans == []
    assert sent["traceparent"].endswith("-00")


async def test_a_collector_gets_them() -> None:
    got: list[ExportTraceServiceRequest] = []

    async def collect(request: web.Request) -> web.Response:
        got.append(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response()

    collector = web.Application()
    collector.router.add_post("/v1/traces", collect)
    async with serving(collector) as base_url, running_upstream() as upstream:
        traces = open_traces(TracingSettings(endpoint=f"{base_url}/traces", service_name="edge"))
        assert traces is not None
        async with (
            local_gateway(provider(upstream.base_url), traces=traces) as gateway,
            aiohttp.ClientSession(headers=gateway.headers) as session,
            session.get(f"{gateway.base_url}/models") as answer,
        ):
            assert answer.status == 200
        await asyncio.to_thread(traces.close)
    (resource,) = got[0].resource_spans
    assert "edge" in str(resource.resource)
    assert [span.name for scope in resource.scope_spans for span in scope.spans] == ["GET /v1/models"]


def test_without_an_endpoint_there_are_none() -> None:
    assert open_traces(TracingSettings()) is None


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(ConfigurationError, match=r"responses-gateway\[otel\]"):
        open_traces(SETTINGS)
