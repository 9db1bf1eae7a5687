"""The doctor's questions to servers with the manners of known ones; real ones are asked in tests/upstreams."""

from collections.abc import Callable

import pytest

from gateway.doctor.advice import advice
from gateway.doctor.examination import Examination, NoAnswerError, NoModelError
from gateway.doctor.findings import Finding, Reading
from gateway.errors import ErrorKind
from gateway.settings import ProviderSettings
from gateway.upstream.client import Upstream
from tests.fakes import dialects
from tests.fakes.dialects import Dialect, speaking
from tests.fakes.ports import free_port
from tests.fakes.raw import raw_upstream

NOTHING = "There was no answer within 0 seconds."


async def examined(base_url: str, model: str = "", **members: object) -> dict[str, Finding]:
    settings = ProviderSettings(name="up", base_url=base_url, **members)  # type: ignore[arg-type]
    async with Upstream(settings) as upstream:
        examination = Examination(upstream, model, timeout_seconds=5)
        return {finding.name: finding async for finding in examination.run()}


async def quirks(dialect: Dialect) -> dict[str, object]:
    async with speaking(dialect) as base_url, Upstream(ProviderSettings(name="up", base_url=base_url)) as upstream:
        examination = Examination(upstream, "", timeout_seconds=5)
        async for _ in examination.run():
            pass
        return {one.quirk: one.value for one in advice(examination.findings)}


async def found(dialect: Dialect, *names: str) -> dict[str, str]:
    async with speaking(dialect) as base_url:
        findings = await examined(base_url)
        return {name: findings[name].verdict for name in names}


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (Dialect, {}),
        (dialects.llama_server, {"images": "none", "token_count": "llama_cpp"}),
        (
            dialects.llama_cpp_python,
            {
                "think_tags": "auto",
                "assistant_null_content": "empty",
                "response_format": ["json_object"],
                "tool_choice": ["auto", "named"],
            },
        ),
        (dialects.transformers_serve, {"response_format": [], "tool_choice": ["auto"]}),
        (
            dialects.mlx_lm,
            {"images": "none", "reasoning_field": "reasoning", "response_format": [], "tool_choice": ["auto"]},
        ),
        (dialects.vllm_without_parsers, {"reasoning_field": "reasoning", "token_count": "vllm"}),
        (dialects.ollama, {"reasoning_field": "reasoning", "tool_choice": ["auto"]}),
        (dialects.openai_reasoner, {"max_tokens_field": "max_completion_tokens", "drop": ["temperature"]}),
        (dialects.groq, {"reasoning_field": "none"}),
        (dialects.mistral, {"tool_call_id": "alnum9", "reasoning_field": "thinking_parts"}),
        (
            dialects.strict,
            {
                "stream_usage": False,
                "system_role": "user",
                "assistant_null_content": "omit",
                "reasoning_field": "reasoning_details",
                "reasoning_param": "none",
                "parallel_tool_calls": "drop",
                "strict_tools": "drop",
            },
        ),
    ],
)
async def test_each_server_gets_the_quirks_that_it_has(
    make: Callable[[], Dialect], expected: dict[str, object]
) -> None:
    assert await quirks(make()) == expected


async def test_what_llama_cpp_does() -> None:
    async with speaking(dialects.llama_server()) as base_url:
        findings = await examined(base_url)
    assert findings["models"].reading.detail == "tiny; 1024 tokens fit"
    assert findings["answers"].reading.detail == "as tiny"
    assert findings["stream"].reading.detail == "ends with [DONE]"
    assert findings["reasoning"].reading.value == "reasoning_content"
    assert findings["images"].reading.detail == "status 500: image input is not supported"
    assert findings["overflow"].reading.detail.startswith("recognised as such: ")
    assert findings["parallel"].reading.detail == "get_weather, get_time"
    assert findings["choice_required"].verdict == findings["json_schema"].verdict == "yes"
    assert findings["unknown_model"].verdict == findings["unknown_member"].verdict == "ignored"


async def test_what_transformers_serve_does() -> None:
    async with speaking(dialects.transformers_serve()) as base_url:
        findings = await examined(base_url)
    assert findings["stream"].reading.detail == "ends without [DONE]"
    assert findings["native"].verdict == "yes"
    assert findings["unknown_member"].reading.detail.startswith("status 422: Unexpected fields")
    assert findings["unknown_model"].reading.detail == "status 400: Server is pinned to 'm'"
    assert findings["verbosity"].verdict == "taken"
    assert "overflow" not in findings


async def test_what_vllm_without_its_flags_does() -> None:
    expected = {"tools": "refused", "choice_required": "yes", "choice_named": "yes", "images": "yes"}
    assert await found(dialects.vllm_without_parsers(), *expected) == expected


async def test_a_question_that_makes_no_sense_is_not_asked() -> None:
    async with speaking(dialects.vllm_without_parsers()) as base_url:
        assert not {"parallel", "strict_tools", "plain_stream", "verbosity"} & set(await examined(base_url))


async def test_another_model_is_asked_only_to_see_how_that_is_refused() -> None:
    dialect = Dialect()
    async with speaking(dialect) as base_url:
        await examined(base_url, "other")
    assert {body["model"] for body in dialect.received} == {"other", "no-such-model"}


async def test_the_first_model_that_the_configuration_allows_is_asked() -> None:
    dialect = Dialect(models=[{"id": "a"}, {"id": "qwen-1"}, {"id": "qwen-2"}])
    async with speaking(dialect) as base_url:
        findings = await examined(base_url, models=("plain", "qwen*"))
    assert findings["answers"].reading.detail == "as qwen-1"


async def test_a_plain_name_of_the_configuration_is_asked_where_there_is_no_list() -> None:
    async with speaking(Dialect(models=[])) as base_url:
        findings = await examined(base_url, models=("q*", "plain"))
    assert findings["answers"].reading.detail == "as plain"
    assert findings["models"].verdict == "no"


async def test_without_any_name_of_a_model_there_is_nothing_to_ask() -> None:
    async with speaking(Dialect(models=[])) as base_url:
        with pytest.raises(NoModelError, match="--model"):
            await examined(base_url)


async def test_a_server_of_only_some_models_that_lists_none_of_them() -> None:
    async with raw_upstream((b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html",)) as server:
        with pytest.raises(NoModelError):
            await examined(server.base_url)


async def test_a_list_that_cannot_be_had_is_no_reason_to_stop_where_the_model_is_known() -> None:
    dialect = Dialect()
    async with speaking(dialect, lists_models=False) as base_url:
        findings = await examined(base_url, "m")
    assert findings["models"].reading == Reading("no", "status 405")
    assert findings["answers"].verdict == "yes"


async def test_an_accident_is_asked_again_and_weakens_nothing() -> None:
    seen: list[object] = []

    def falls_once(body: dict[str, object]) -> dialects.Refusal | None:
        seen.append(body)
        return (500, "Internal Server Error") if len(seen) in (2, 9) else None

    assert await quirks(Dialect(refuses=falls_once)) == {}


async def test_a_limit_of_the_rate_in_between_weakens_nothing() -> None:
    seen: list[object] = []

    def slows_down(body: dict[str, object]) -> dialects.Refusal | None:
        seen.append(body)
        return (429, {"error": {"message": "Slow down"}}) if len(seen) > 3 else None

    dialect = Dialect(refuses=slows_down)
    assert await quirks(dialect) == {}


async def test_nobody_there() -> None:
    with pytest.raises(NoAnswerError) as caught:
        await examined(f"http://127.0.0.1:{free_port()}/v1", "m")
    assert not caught.value.is_reached
    assert caught.value.error.kind is ErrorKind.UPSTREAM_UNREACHABLE


@pytest.mark.parametrize(
    ("status", "is_reached"), [(401, True), (403, True), (404, True), (400, True), (503, False), (429, False)]
)
async def test_an_upstream_that_answers_nothing_but_errors(status: int, is_reached: bool) -> None:
    dialect = Dialect(refuses=lambda _: (status, {"error": {"message": "No."}}))
    async with speaking(dialect) as base_url:
        with pytest.raises(NoAnswerError) as caught:
            await examined(base_url)
    assert caught.value.is_reached is is_reached


async def test_the_key_never_comes_back_in_a_finding() -> None:
    dialect = Dialect(refuses=lambda body: (400, {"error": "bad: sk-secret-key"}) if "tools" in body else None)
    async with speaking(dialect) as base_url:
        findings = await examined(base_url, api_key="sk-secret-key")
    assert findings["tools"].reading.detail == "status 400: bad: ***"


async def test_an_upstream_that_hangs_is_given_up() -> None:
    async with Upstream(ProviderSettings(name="up", base_url="http://127.0.0.1:1/v1")) as upstream:
        examination = Examination(upstream, "m", timeout_seconds=0.0)
        assert (await anext(examination.run())).reading == Reading("unclear", NOTHING)
        with pytest.raises(NoAnswerError, match=NOTHING) as caught:
            _ = [finding async for finding in examination.run()]
        assert not caught.value.is_reached
