"""Presets of the services of those who make models."""

from gateway.dialects.preset import LOGPROBS, OPEN_SAMPLING, PENALTIES, Choice, Preset

_OPENAI = "https://platform.openai.com/docs/api-reference/chat/create"
_DEEPSEEK = "https://api-docs.deepseek.com/guides/thinking_mode"
_MISTRAL_EXTRA = "https://github.com/charmbracelet/crush/issues/1590"
_GEMINI = "https://discuss.ai.google.dev/t/109823"
_ANTHROPIC = "https://platform.claude.com/docs/en/api/openai-sdk"
_KIMI = "https://java.agentscope.io/v2/en/integration/model/kimi"
_GLM = "https://java.agentscope.io/v2/en/integration/model/glm"
_GLM_KNOBS = "https://docs.rs/crate/opencrabs/0.5.1/source/src/brain/provider/glm_reasoning.rs"
_MINIMAX = "https://platform.minimax.io/docs/guides/text-m2-function-call"
_COHERE = "https://docs.cohere.com/docs/compatibility-api"

_LOW_HIGH_MAX = {"minimal": "low", "medium": "high", "xhigh": "max"}

MODEL_MAKERS = (
    Preset(
        "openai",
        "OpenAI",
        (
            Choice(
                "max_tokens_field",
                "max_completion_tokens",
                "reasoning models refuse `max_tokens`",
                "https://community.openai.com/t/1110750/7",
            ),
            Choice("system_role", "developer", "the role of instructions for newer models", _OPENAI),
            Choice("system_mode", "keep", "such messages may stand anywhere", _OPENAI),
            Choice("reasoning_field", "none", "reasoning never comes, and unknown members are refused", _OPENAI),
            Choice("efforts", {}, "its models know all levels, each its own; what one refuses is reported", _OPENAI),
            Choice("verbosity", True, "newer models know it", _OPENAI),
            Choice("files", "file", "it reads PDFs", "https://developers.openai.com/api/docs/guides/file-inputs"),
            Choice("drop", OPEN_SAMPLING, "unknown members are refused with 400", _OPENAI),
        ),
        "https://api.openai.com/v1",
    ),
    Preset(
        "deepseek",
        "DeepSeek",
        (
            Choice(
                "reasoning_required",
                True,
                "answers 400 for tool calls without it",
                "https://github.com/anomalyco/opencode/issues/24722",
            ),
            Choice("reasoning_param", "thinking_effort", "thinking is switched off by `thinking.type`", _DEEPSEEK),
            Choice("efforts", {}, "it maps every level to what it knows", _DEEPSEEK),
            Choice(
                "response_format",
                ["json_object"],
                "it knows no schema",
                "https://api-docs.deepseek.com/guides/json_mode",
            ),
            Choice(
                "strict_tools",
                "drop",
                "only its beta address takes it",
                "https://java.agentscope.io/v2/en/integration/model/deepseek",
            ),
        ),
        "https://api.deepseek.com",
    ),
    Preset(
        "mistral",
        "Mistral",
        (
            Choice("stream_usage", False, "usage always comes, with the last chunk", _MISTRAL_EXTRA),
            Choice(
                "tool_call_id",
                "alnum9",
                "answers 400 for other ids",
                "https://github.com/anomalyco/opencode/issues/1680",
            ),
            Choice(
                "user_after_tool",
                "assistant",
                "answers 400 if a user's message follows a tool's",
                "https://github.com/avante-corp/avante.nvim/issues/2562",
            ),
            Choice(
                "reasoning_field",
                "thinking_parts",
                "its reasoning is a part of the content",
                "https://docs.mistral.ai/capabilities/reasoning/",
            ),
            Choice(
                "efforts",
                {"minimal": "none", "low": "none", "medium": "high", "xhigh": "high", "max": "high"},
                "most models know only `none` and `high`",
                "https://docs.mistral.ai/capabilities/reasoning/adjustable",
            ),
            Choice(
                "drop",
                [*LOGPROBS, "logit_bias", "seed", *OPEN_SAMPLING],
                "answers 422 `extra_forbidden` for each",
                _MISTRAL_EXTRA,
            ),
        ),
        "https://api.mistral.ai/v1",
    ),
    Preset(
        "gemini",
        "Gemini",
        (
            Choice("tool_extra_content", True, "answers 400 if a thought signature does not come back", _GEMINI),
            Choice("reasoning_field", "none", "unknown members are refused with 400", _GEMINI),
            Choice(
                "parallel_tool_calls",
                "drop",
                "has been refused with 400",
                "https://github.com/jackmpcollins/magentic/pull/382",
            ),
            Choice(
                "strict_tools",
                "drop",
                "the API behind it answers 400",
                "https://github.com/router-for-me/CLIProxyAPI/issues/102",
            ),
            Choice("drop", ["logit_bias", *OPEN_SAMPLING], "unknown members are refused with 400", _GEMINI),
        ),
        "https://generativelanguage.googleapis.com/v1beta/openai",
    ),
    Preset(
        "anthropic",
        "Anthropic",
        (
            Choice("response_format", [], "ignored without a word", _ANTHROPIC),
            Choice("strict_tools", "drop", "ignored without a word", _ANTHROPIC),
            Choice("reasoning_param", "none", "ignored without a word", _ANTHROPIC),
            Choice("reasoning_field", "none", "reasoning never comes", _ANTHROPIC),
            Choice("drop", [*LOGPROBS, *PENALTIES, "logit_bias", "seed", *OPEN_SAMPLING], "ignored", _ANTHROPIC),
        ),
        "https://api.anthropic.com/v1",
    ),
    Preset(
        "xai",
        "xAI",
        (
            Choice(
                "reasoning_field",
                "none",
                "only its Responses API takes reasoning back",
                "https://docs.x.ai/developers/model-capabilities/text/best-practices",
            ),
        ),
        "https://api.x.ai/v1",
    ),
    Preset(
        "moonshot",
        "Moonshot (Kimi)",
        (
            Choice("max_tokens_field", "max_completion_tokens", "the name that it documents", _KIMI),
            Choice(
                "reasoning_required",
                True,
                "answers 400 for tool calls without it",
                "https://github.com/continuedev/continue/issues/11600",
            ),
            Choice("reasoning_param", "thinking_effort", "newer models know levels, older ones a switch", _KIMI),
            Choice("efforts", _LOW_HIGH_MAX, "newer models know `low`, `high` and `max`", _KIMI),
            Choice("strict_tools", "drop", "it does not know it", _KIMI),
            Choice("drop", ["thinking_budget"], "it does not know it", _KIMI),
        ),
        "https://api.moonshot.ai/v1",
    ),
    Preset(
        "zai",
        "Z.ai (GLM)",
        (
            Choice("stream_usage", False, "it knows no `stream_options`", _GLM),
            Choice("tool_choice", ["auto"], "it knows no other", _GLM),
            Choice("strict_tools", "drop", "it does not know it", _GLM),
            Choice(
                "response_format",
                ["json_object"],
                "it knows no schema",
                "https://docs.z.ai/api-reference/llm/chat-completion",
            ),
            Choice("reasoning_param", "thinking_effort", "newer models know levels, older ones a switch", _GLM_KNOBS),
            Choice("efforts", _LOW_HIGH_MAX, "newer models know `low`, `high` and `max`", _GLM_KNOBS),
            Choice("drop", [*PENALTIES, "thinking_budget"], "it does not know them", _GLM),
            Choice("extra_body", {"tool_stream": True}, "else a tool call is minutes of silence", _GLM_KNOBS),
        ),
        "https://api.z.ai/api/paas/v4",
    ),
    Preset(
        "dashscope",
        "Alibaba DashScope (Qwen)",
        (
            Choice(
                "reasoning_param",
                "enable_thinking",
                "thinking is switched by that member",
                "https://help.aliyun.com/en/model-studio/deep-thinking",
            ),
        ),
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    ),
    Preset(
        "minimax",
        "MiniMax",
        (
            Choice(
                "max_tokens_field",
                "max_completion_tokens",
                "the name that it documents",
                "https://java.agentscope.io/v2/en/integration/model/minimax",
            ),
            Choice(
                "tool_choice",
                ["auto", "none"],
                "it knows no other",
                "https://java.agentscope.io/v2/en/integration/model/minimax",
            ),
            Choice("reasoning_field", "reasoning_details", "the whole of it must come back", _MINIMAX),
            Choice("reasoning_param", "none", "it always thinks", _MINIMAX),
            Choice("extra_body", {"reasoning_split": True}, "else reasoning comes as raw tags in the text", _MINIMAX),
            Choice(
                "think_tags",
                "auto",
                "older versions do not know `reasoning_split`",
                "https://github.com/MiniMax-AI/MiniMax-M2/issues/95",
            ),
        ),
        "https://api.minimax.io/v1",
    ),
    Preset(
        "cohere",
        "Cohere",
        (
            Choice("reasoning_field", "none", "unknown members are refused with 422", _COHERE),
            Choice("parallel_tool_calls", "drop", "listed as not supported", _COHERE),
            Choice(
                "efforts",
                {"minimal": "none", "low": "high", "medium": "high", "xhigh": "high", "max": "high"},
                "knows `none` and `high`",
                _COHERE,
            ),
            Choice("drop", ["logit_bias", "top_logprobs", *OPEN_SAMPLING], "listed as not supported", _COHERE),
        ),
        "https://api.cohere.ai/compatibility/v1",
    ),
)
"""In the order of the documentation."""
