"""The answers of each kind of upstream, read with its preset: they mean what they mean without any."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gateway.codec.json import JSONObject
from gateway.dialects.table import PRESETS
from tests.corpus_cases import FOLDER, Case, assert_expected, streams
from tests.official import check_stream
from tests.translate.test_corpus import translate

OPEN = {
    "azure": ["azure-openai", "azure-deepseek"],
    "dashscope": ["qwen-dashscope", "dashscope-non-incremental"],
    "deepseek": ["deepseek"],
    "gemini": ["gemini"],
    "generic": ["any", "generic-proxy", "various-proxies", "legacy-openai"],
    "groq": ["groq"],
    "litellm": ["litellm"],
    "llama_cpp": ["llama.cpp"],
    "llama_cpp_python": ["llama-cpp-python"],
    "localai": ["localai"],
    "minimax": ["minimax", "minimax-m2"],
    "mistral": ["mistral"],
    "mlx": ["mlx-lm"],
    "moonshot": ["moonshot"],
    "ollama": ["ollama", "ollama-old"],
    "openai": ["openai"],
    "openrouter": ["openrouter"],
    "perplexity": ["perplexity"],
    "sglang": ["sglang"],
    "snowflake": ["snowflake-cortex"],
    "tgi": ["tgi"],
    "together": ["together"],
    "transformers": ["transformers-serve"],
    "vllm": ["vllm", "vllm-no-parser"],
    "zai": ["zai-glm"],
}
"""The words of the written cases for the upstreams of a preset."""
RECORDED = {
    "litellm": "litellm",
    "llama-server": "llama_cpp",
    "llcpp-python": "llama_cpp_python",
    "mlx": "mlx",
    "transformers": "transformers",
}
"""The preset by the beginning of a recording's name."""
RAW_TAGS = "<think>"


def dialects_of(case: Case) -> list[str]:
    """The presets that fit a case."""
    path = FOLDER / "open" / f"{case.name}.json"
    if not path.exists():
        return [preset for start, preset in RECORDED.items() if case.name.startswith(start)]
    words = json.loads(path.read_text(encoding="utf-8"))["dialects"]
    return [name for name, known in OPEN.items() if set(known) & set(words)]


def with_presets() -> Iterator[tuple[str, Case]]:
    for case in streams():
        for name in dialects_of(case):
            table = PRESETS[name].table()
            yield (
                name,
                replace(case, quirks=table | case.quirks, expected=_expected(case, str(table.get("think_tags")))),
            )


def _expected(case: Case, think_tags: str) -> JSONObject:
    """The naive reader of recordings takes raw tags for text; a preset that knows better takes the thought out."""
    if think_tags != "on":
        return case.expected
    output = [part for item in case.expected["output"] for part in _split(item)]
    return case.expected | {"output": output}


def _split(item: JSONObject) -> list[JSONObject]:
    text = item.get("text") or ""
    if item["type"] != "message" or not text.startswith(RAW_TAGS):
        return [item]
    thought, tag, answer = text.removeprefix(RAW_TAGS).partition("</think>")
    thinking: JSONObject = {"type": "reasoning", "text": thought, "match": "strip"}
    return [thinking, item | {"text": answer, "match": "strip"}] if tag else [thinking]


CASES = list(with_presets())


@pytest.mark.parametrize(("name", "case"), CASES, ids=[f"{name}-{case}" for name, case in CASES])
def test_a_stream_means_the_same_with_the_preset_that_fits(name: str, case: Case) -> None:
    assert_expected(case, check_stream(translate(case, [case.body])).response)


def test_every_preset_with_a_stream_in_the_corpus_has_read_it() -> None:
    assert {name for name, _ in CASES} >= {*OPEN, *RECORDED.values()}
    assert len(CASES) > 150
