"""Presets of paid services, the larger half in `gateway.dialects.model_makers`: those that run models of others."""

from gateway.dialects.preset import LOGPROBS, OPEN_SAMPLING, PENALTIES, Choice, Preset

_OPENROUTER = "https://openrouter.ai/docs/use-cases/reasoning-tokens"
_GROQ = "https://console.groq.com/docs/openai"
_CEREBRAS = "https://inference-docs.cerebras.ai/resources/openai"
_SONAR = "https://docs.perplexity.ai/docs/sonar/openai-compatibility"

SERVICES = (
    Preset(
        "azure",
        "Azure OpenAI",
        (
            Choice(
                "auth",
                "api-key",
                'keys go into a header of that name; a token of Entra needs `auth = "bearer"`',
                "https://learn.microsoft.com/en-us/azure/foundry/openai/how-to/reasoning",
            ),
            Choice(
                "max_tokens_field",
                "max_completion_tokens",
                "reasoning models refuse `max_tokens`",
                "https://learn.microsoft.com/en-us/azure/foundry/openai/how-to/reasoning",
            ),
            Choice(
                "system_role",
                "developer",
                "the role of instructions for newer models",
                "https://learn.microsoft.com/en-us/azure/foundry/openai/how-to/reasoning",
            ),
            Choice(
                "system_mode",
                "keep",
                "such messages may stand anywhere",
                "https://learn.microsoft.com/en-us/azure/foundry/openai/how-to/reasoning",
            ),
            Choice(
                "reasoning_field",
                "none",
                "reasoning never comes, and unknown members are refused",
                "https://learn.microsoft.com/en-us/azure/foundry/openai/how-to/reasoning",
            ),
            Choice(
                "efforts",
                {},
                "its models know all levels, each its own; what one refuses is reported",
                "https://learn.microsoft.com/en-us/azure/foundry/openai/how-to/reasoning",
            ),
            Choice(
                "drop",
                OPEN_SAMPLING,
                "unknown members are refused with 400",
                "https://learn.microsoft.com/en-us/azure/foundry/openai/how-to/reasoning",
            ),
        ),
    ),
    Preset(
        "openrouter",
        "OpenRouter",
        (
            Choice("reasoning_field", "reasoning_details", "must come back unmodified", _OPENROUTER),
            Choice("reasoning_param", "openrouter", "the effort is inside `reasoning`", _OPENROUTER),
            Choice("efforts", {}, "it maps every level to what the model knows", _OPENROUTER),
            Choice("verbosity", True, "it knows it", "https://openrouter.ai/docs/api-reference/parameters"),
            Choice(
                "files", "file", "it reads PDFs for every model", "https://openrouter.ai/docs/features/multimodal/pdfs"
            ),
        ),
        "https://openrouter.ai/api/v1",
    ),
    Preset(
        "groq",
        "Groq",
        (
            Choice(
                "reasoning_field",
                "none",
                "answers 400 for reasoning in a message",
                "https://github.com/janhq/jan/issues/8136",
            ),
            Choice("drop", [*LOGPROBS, "logit_bias", *OPEN_SAMPLING], "answers 400 for each", _GROQ),
        ),
        "https://api.groq.com/openai/v1",
    ),
    Preset(
        "together",
        "Together AI",
        (
            Choice(
                "think_tags",
                "auto",
                "some models think in raw tags",
                "https://docs.together.ai/docs/glm-5.3-quickstart",
            ),
        ),
        "https://api.together.xyz/v1",
    ),
    Preset("fireworks", "Fireworks AI", (), "https://api.fireworks.ai/inference/v1"),
    Preset(
        "perplexity",
        "Perplexity",
        (
            Choice(
                "merge_same_role",
                True,
                "answers 400 if user and assistant do not alternate",
                "https://github.com/perplexityai/api-discussion/issues/265",
            ),
            Choice("drop", ["tools"], "it has no tools", "https://metacpan.org/pod/Langertha::Engine::Perplexity"),
            Choice("think_tags", "auto", "reasoning models think in raw tags", _SONAR),
            Choice("reasoning_field", "none", "it knows no field for reasoning", _SONAR),
        ),
        "https://api.perplexity.ai",
    ),
    Preset(
        "cerebras",
        "Cerebras",
        (
            Choice("max_tokens_field", "max_completion_tokens", "the name that it documents", _CEREBRAS),
            Choice("parallel_tool_calls", "drop", "answers 400", "https://hexdocs.pm/req_llm/cerebras.html"),
            Choice(
                "strict_tools",
                "drop",
                "must be the same for all tools",
                "https://hexdocs.pm/req_llm/cerebras.html",
            ),
            Choice("drop", [*PENALTIES, "logit_bias", *OPEN_SAMPLING], "answers 400 for each", _CEREBRAS),
            Choice(
                "reasoning_field",
                "think_tags",
                "expects earlier reasoning inside the content",
                "https://github.com/anomalyco/opencode/pull/26763",
            ),
        ),
        "https://api.cerebras.ai/v1",
    ),
    Preset(
        "nim",
        "NVIDIA NIM",
        (
            Choice(
                "drop",
                OPEN_SAMPLING,
                "some models answer 422 for unknown members",
                "https://github.com/NVIDIA/garak/issues/748",
            ),
        ),
        "https://integrate.api.nvidia.com/v1",
    ),
    Preset(
        "github",
        "GitHub Models",
        (
            Choice(
                "max_tokens_field",
                "max_completion_tokens",
                "newer models refuse `max_tokens`",
                "https://github.com/tak-bro/aicommit2/issues/162",
            ),
            Choice(
                "reasoning_field",
                "none",
                "it is like Azure OpenAI",
                "https://docs.github.com/rest/models/inference",
            ),
            Choice(
                "drop", OPEN_SAMPLING, "unknown members are refused", "https://docs.github.com/rest/models/inference"
            ),
        ),
        "https://models.github.ai/inference",
    ),
    Preset(
        "snowflake",
        "Snowflake Cortex",
        (
            Choice(
                "reasoning_field",
                "reasoning_details",
                "its only form of reasoning, which must come back unmodified",
                "https://github.com/pydantic/pydantic-ai/tree/main/tests/models/cassettes",
            ),
        ),
    ),
)
"""In the order of the documentation."""
