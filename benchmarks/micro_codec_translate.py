"""Codec and translation by themselves: `make bench-micro`.

The name of the file keeps it out of `make test`, which times nothing.
"""

from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.translation import agent_request, chunks_of, plan_body, reads_of, translate_reads
from gateway.codec.json import dumps, parse_body
from gateway.codec.sse import SSEDecoder
from gateway.settings import ServerSettings

TOKENS = 500
REQUEST = dumps(agent_request(items=60, tools=12, size=60_000))


def test_decode_a_stream_of_500_events(benchmark: BenchmarkFixture) -> None:
    reads = reads_of(chunks_of(TOKENS))

    def decode() -> int:
        decoder = SSEDecoder(max_event_bytes=1_000_000)
        return sum(len(list(decoder.feed(read))) for read in reads)

    assert benchmark(decode) == TOKENS


def test_parse_a_request_of_60_kb(benchmark: BenchmarkFixture) -> None:
    limits = ServerSettings()
    parsed = benchmark(parse_body, REQUEST, max_depth=limits.max_json_depth, max_containers=limits.max_json_containers)
    assert len(parsed["tools"]) == 12


def test_plan_a_request_of_60_kb(benchmark: BenchmarkFixture) -> None:
    benchmark(plan_body, REQUEST)


def test_translate_a_stream_of_500_tokens(benchmark: BenchmarkFixture) -> None:
    reads = reads_of(chunks_of(TOKENS))
    assert benchmark(translate_reads, reads).is_over
