"""Presets of servers that people run themselves, and of gateways in front of others."""

from gateway.dialects.preset import LOGPROBS, OPEN_SAMPLING, Choice, Preset

_VLLM = "https://github.com/vllm-project/vllm/blob/main/vllm/entrypoints/openai/chat_completion/serving.py"
_SGLANG = "https://github.com/sgl-project/sglang/blob/main/python/sglang/srt/entrypoints/openai/serving_chat.py"
_LLAMA_CPP = "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md"
_LLAMA_CPP_PYTHON = "https://github.com/abetlen/llama-cpp-python"
_OLLAMA = "https://github.com/ollama/ollama/blob/main/openai/openai.go"
_TGI = "https://github.com/huggingface/text-generation-inference/blob/main/router/src/chat.rs"
_TRANSFORMERS = "https://huggingface.co/docs/transformers/main/en/serving"
_MLX = "https://github.com/ml-explore/mlx-lm/blob/main/mlx_lm/server.py"
_LATER_TURNS = "templates drop reasoning before the last user message; within a run of tool calls models need it"

SERVERS = (
    Preset("generic", "Any Chat Completions server"),
    Preset(
        "vllm",
        "vLLM",
        (
            Choice("reasoning_scope", "tool_turns", _LATER_TURNS, _VLLM),
            Choice(
                "token_count",
                "vllm",
                "it has /tokenize",
                "https://docs.vllm.ai/en/latest/serving/openai_compatible_server/",
            ),
        ),
    ),
    Preset("sglang", "SGLang", (Choice("reasoning_scope", "tool_turns", _LATER_TURNS, _SGLANG),)),
    Preset(
        "llama_cpp",
        "llama.cpp server",
        (
            Choice("images", "data", "measured: answers 500 for an image that it cannot take", _LLAMA_CPP),
            Choice("token_count", "llama_cpp", "it has /apply-template and /tokenize", _LLAMA_CPP),
        ),
    ),
    Preset(
        "llama_cpp_python",
        "llama-cpp-python server",
        (
            Choice("think_tags", "on", "measured: reasoning comes as raw tags in the text", _LLAMA_CPP_PYTHON),
            Choice("stream_usage", False, "measured: never reports usage in a stream", _LLAMA_CPP_PYTHON),
            Choice("assistant_null_content", "empty", "measured: 500 for `content: null`", _LLAMA_CPP_PYTHON),
            Choice("response_format", ["json_object"], "measured: 500 for `json_schema`", _LLAMA_CPP_PYTHON),
            Choice("tool_choice", ["auto", "named"], "measured: ignores `none` and `required`", _LLAMA_CPP_PYTHON),
            Choice("images", "none", "measured: drops them without a word", _LLAMA_CPP_PYTHON),
            Choice("reasoning_field", "none", "it knows no field for reasoning", _LLAMA_CPP_PYTHON),
            Choice("reasoning_param", "none", "measured: ignores the effort", _LLAMA_CPP_PYTHON),
        ),
    ),
    Preset(
        "ollama",
        "Ollama",
        (
            Choice("reasoning_field", "reasoning", "the name that it reads and writes", _OLLAMA),
            Choice("tool_choice", ["auto"], "it does not look at `tool_choice`", _OLLAMA),
            Choice("images", "data", "it takes base64 only", _OLLAMA),
        ),
    ),
    Preset(
        "lmstudio",
        "LM Studio",
        (
            Choice(
                "response_format",
                ["json_schema"],
                "refuses `json_object` with 400",
                "https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/189",
            ),
            Choice(
                "tool_choice",
                ["auto", "none", "required"],
                "refuses a choice that is an object with 400",
                "https://github.com/lmstudio-ai/lmstudio-bug-tracker/issues/670",
            ),
        ),
    ),
    Preset(
        "tgi",
        "Text Generation Inference",
        (
            Choice("reasoning_field", "none", "it knows no field for reasoning", _TGI),
            Choice("reasoning_param", "none", "it knows no effort", _TGI),
            Choice("parallel_tool_calls", "drop", "it makes one call an answer", _TGI),
        ),
    ),
    Preset(
        "transformers",
        "transformers serve",
        (
            Choice("stream_usage", False, "usage always comes, with the last chunk", _TRANSFORMERS),
            Choice("tool_choice", ["auto"], "measured: ignores the others", _TRANSFORMERS),
            Choice("response_format", [], "measured: ignores it", _TRANSFORMERS),
            Choice("reasoning_param", "none", "measured: ignores the effort", _TRANSFORMERS),
            Choice("parallel_tool_calls", "drop", "measured: ignores it", _TRANSFORMERS),
            Choice(
                "drop", [*LOGPROBS, *OPEN_SAMPLING], "measured: 422 for unknown members, no logprobs", _TRANSFORMERS
            ),
        ),
    ),
    Preset(
        "mlx",
        "mlx-lm server",
        (
            Choice("reasoning_field", "reasoning", "the name that it writes", _MLX),
            Choice("tool_choice", ["auto"], "measured: ignores the others", _MLX),
            Choice("response_format", [], "measured: ignores it", _MLX),
            Choice("reasoning_param", "none", "measured: ignores the effort", _MLX),
            Choice("images", "none", "measured: answers 404", _MLX),
        ),
    ),
    Preset(
        "localai",
        "LocalAI",
        (
            Choice(
                "reasoning_field",
                "reasoning",
                "the name that it reads and writes",
                "https://localai.io/features/interleaved-thinking/",
            ),
        ),
    ),
    Preset(
        "litellm",
        "LiteLLM proxy",
        (
            Choice(
                "files",
                "file",
                "it passes file parts on to models that read them",
                "https://docs.litellm.ai/docs/completion/document_understanding",
            ),
        ),
    ),
)
"""In the order of the documentation."""
