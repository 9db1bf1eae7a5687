"""What the pure translation costs, as ratios to reading and writing the same JSON in the same run.

`python -m benchmarks.translation` prints two tables: streams of 500 and 200,000 tokens, and the planning of a large
request. No socket is involved; `benchmarks/load` measures the whole gateway.
"""

import gc
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import orjson

from gateway.codec.json import JSONObject, dumps, parse_body
from gateway.settings import ProviderSettings, Quirks, ServerSettings
from gateway.translate.request import plan, read_request
from gateway.translate.translation import Translation

ROOT = Path(__file__).parent.parent

PROVIDER = ProviderSettings(name="bench", base_url="http://127.0.0.1/v1", max_response_bytes=2**31)
ROUNDS = 5
"""The best of so many: whatever else the machine does only adds."""

TOKENS_PER_READ = 4
"""Tokens that arrive in one read of a busy upstream's socket."""

SHORT, LONG = 500, 200_000
ITEMS, TOOLS, REQUEST_BYTES = 600, 120, 3_000_000


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of the work, and of its JSON alone."""

    seconds: float
    json_seconds: float

    @property
    def ratio(self) -> float:
        """How much the work costs for each second that reading and writing its JSON costs."""
        return self.seconds / self.json_seconds


def stream_cost(tokens: int, *, rounds: int = ROUNDS) -> Cost:
    """The translation of a stream of so many tokens of text."""
    chunks = chunks_of(tokens)
    reads = reads_of(chunks)
    return _cost(lambda: translate_reads(reads), lambda: _read_and_write(chunks), rounds)


def plan_cost(*, items: int = ITEMS, tools: int = TOOLS, size: int = REQUEST_BYTES, rounds: int = ROUNDS) -> Cost:
    """From the bytes of an agent's request to the bytes of the Chat request."""
    body = dumps(agent_request(items=items, tools=tools, size=size))
    return _cost(lambda: plan_body(body), lambda: _read_and_write([body]), rounds)


def agent_request(*, items: int, tools: int, size: int) -> JSONObject:
    """A long session of an agent: turns of reasoning, call and result, with results that fill the size."""
    bare = len(dumps(_session(items // 3, tools, "")))
    return _session(items // 3, tools, "x" * ((size - bare) * 3 // items))


def _session(turns: int, tools: int, result: str) -> JSONObject:
    history = [
        item
        for number in range(turns)
        for item in (
            {"type": "reasoning", "id": f"rs_{number}", "summary": [{"type": "summary_text", "text": "Look first."}]},
            {"type": "function_call", "call_id": f"call_{number}", "name": "tool_0", "arguments": '{"path": "a"}'},
            {"type": "function_call_output", "call_id": f"call_{number}", "output": result},
        )
    ]
    return {
        "model": "bench/model",
        "instructions": "Be exact.",
        "input": [*history, {"role": "user", "content": "Go on."}],
        "tools": [_tool(number) for number in range(tools)],
        "stream": True,
    }


def _tool(number: int) -> JSONObject:
    properties = {f"argument_{index}": {"type": "string", "description": "y" * 60} for index in range(16)}
    parameters = {"type": "object", "properties": properties, "additionalProperties": False}
    return {"type": "function", "name": f"tool_{number}", "description": "z" * 300, "parameters": parameters}


def _chunk(index: int) -> bytes:
    """A chunk as servers write it, with all members around a token of one word."""
    choice = {"index": 0, "delta": {"content": f" word{index % 1000}"}, "logprobs": None, "finish_reason": None}
    return dumps(
        {
            "id": "chatcmpl-0123456789abcdef0123456789abcdef",
            "object": "chat.completion.chunk",
            "created": 1_700_000_000,
            "model": "a-model-with-a-name",
            "system_fingerprint": "fp_0123456789",
            "choices": [choice],
        }
    )


def chunks_of(tokens: int) -> list[bytes]:
    """The chunks of a stream of text, without their frames."""
    return [_chunk(index) for index in range(tokens)]


def reads_of(chunks: Sequence[bytes]) -> list[bytes]:
    """The framed chunks as a busy upstream's socket gives them."""
    return [b"".join(batch) for batch in _batches([b"data: " + chunk + b"\n\n" for chunk in chunks])]


def _batches(frames: Sequence[bytes]) -> list[Sequence[bytes]]:
    return [frames[start : start + TOKENS_PER_READ] for start in range(0, len(frames), TOKENS_PER_READ)]


def translate_reads(reads: Sequence[bytes]) -> Translation:
    """A whole stream through a new translation, which is given back."""
    request = read_request({"model": "bench/model", "input": "Tell a story.", "stream": True})
    ids = itertools.count()
    translation = Translation(
        plan(request, model="model", quirks=Quirks(), strict=False),
        PROVIDER,
        mint_id=lambda prefix: f"{prefix}_{next(ids)}",
        created_at=1_700_000_000,
        now=lambda: 1_700_000_000,
        input_bytes=100,
    )
    translation.begin()
    for read in reads:
        translation.feed(read)
    translation.feed(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')
    if translation.termination != "completed":
        raise RuntimeError(f"the stream ended as {translation.termination}")
    return translation


def plan_body(body: bytes) -> None:
    """From the bytes of a request to the bytes of the Chat request."""
    limits = ServerSettings()
    parsed = parse_body(body, max_depth=limits.max_json_depth, max_containers=limits.max_json_containers)
    dumps(plan(read_request(parsed), model="model", quirks=Quirks(), strict=False).body)


def _read_and_write(texts: Sequence[bytes]) -> None:
    for text in texts:
        orjson.dumps(orjson.loads(text))


def _cost(work: Callable[[], object], json_alone: Callable[[], None], rounds: int) -> Cost:
    """The two in turns, so that a change of the machine's speed meets both."""
    seconds = [(_cpu_seconds(work), _cpu_seconds(json_alone)) for _ in range(rounds)]
    return Cost(min(one for one, _ in seconds), min(other for _, other in seconds))


def _cpu_seconds(work: Callable[[], object]) -> float:
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


@click.command()
@click.option("--rounds", default=ROUNDS, show_default=True, help="Measure so often; the best counts.")
@click.option("--tokens", default=LONG, show_default=True, help="Tokens of the long stream.")
def main(rounds: int, tokens: int) -> None:
    """Measure and print."""
    print(f"{'stream':<24}{'us/token':>10}{'JSON us/token':>16}{'ratio':>8}")
    costs = {count: _best_of_many(count, rounds, longest=tokens) for count in (SHORT, tokens)}
    for count, cost in costs.items():
        each = 1e6 / count
        print(
            f"{count:>7,} tokens{'':<10}{cost.seconds * each:>10.2f}{cost.json_seconds * each:>16.2f}{cost.ratio:>8.2f}"
        )
    print(f"the long one costs {costs[tokens].ratio / costs[SHORT].ratio:.2f} times the short one per token\n")
    cost = plan_cost(rounds=rounds)
    print(f"{'request':<24}{'ms':>10}{'JSON ms':>16}{'ratio':>8}")
    print(f"{'3 MB, 600 items':<24}{cost.seconds * 1e3:>10.1f}{cost.json_seconds * 1e3:>16.1f}{cost.ratio:>8.2f}")


def _best_of_many(tokens: int, rounds: int, *, longest: int) -> Cost:
    """A short stream takes a millisecond: it is measured more often, for the same certainty."""
    return stream_cost(tokens, rounds=rounds * max(1, min(20, longest // tokens)))


if __name__ == "__main__":
    main()
