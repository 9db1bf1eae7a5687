"""The presets as data: each is a valid set of quirks, differs where it says so, and tells why."""

import pytest

from gateway.dialects.preset import Choice, Preset
from gateway.dialects.table import PRESETS, with_preset
from gateway.settings import Quirks

CHOICES = [(preset, choice) for preset in PRESETS.values() for choice in preset.choices]
COMMON = Quirks()


def test_there_is_a_preset_for_each_kind_of_upstream() -> None:
    assert set(PRESETS) == {
        *("generic", "vllm", "sglang", "llama_cpp", "llama_cpp_python", "ollama", "lmstudio", "tgi", "transformers"),
        *("mlx", "localai", "litellm", "openai", "azure", "deepseek", "openrouter", "groq", "together", "fireworks"),
        *("mistral", "gemini", "anthropic", "xai", "perplexity", "moonshot", "zai", "dashscope", "minimax", "cerebras"),
        *("nim", "github", "cohere", "snowflake"),
    }


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_a_preset_is_a_valid_set_of_quirks(preset: Preset) -> None:
    quirks = preset.quirks()
    assert len({choice.quirk for choice in preset.choices}) == len(preset.choices)
    assert not preset.base_url.endswith("/")
    assert (quirks == COMMON) is (not preset.choices)


@pytest.mark.parametrize(("preset", "choice"), CHOICES, ids=lambda one: getattr(one, "quirk", None) or one.name)
def test_a_choice_differs_from_the_common_dialect_and_says_why(preset: Preset, choice: Choice) -> None:
    assert getattr(preset.quirks(), choice.quirk) != getattr(COMMON, choice.quirk)
    assert choice.reason
    assert choice.source.startswith("https://")


def test_what_a_provider_says_itself_goes_before_its_preset() -> None:
    own = {"name": "m", "dialect": "mistral", "base_url": "http://proxy", "quirks": {"tool_call_id": "keep"}}
    table = with_preset(own)
    assert isinstance(table, dict)
    assert (table["name"], table["base_url"]) == ("m", "http://proxy")
    assert table["quirks"]["tool_call_id"] == "keep"
    assert table["quirks"]["user_after_tool"] == "assistant"
    assert own["quirks"] == {"tool_call_id": "keep"}


@pytest.mark.parametrize("table", ["x", {"dialect": "bogus"}, {"dialect": 3}, {"dialect": "vllm", "quirks": 1}, {}])
def test_what_is_wrong_is_left_to_the_check(table: object) -> None:
    assert with_preset(table) == table
