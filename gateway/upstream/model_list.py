"""The list of models that an upstream gives, in the forms that servers have for it."""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.codec.json import JSONObject, JSONValue, loads

_WINDOW_PLACES = (
    ("max_model_len",),  # vLLM, SGLang
    ("meta", "n_ctx"),  # llama.cpp: what the server was started with, before what the model was trained for
    ("n_ctx",),
    ("meta", "n_ctx_train"),
    ("top_provider", "context_length"),  # OpenRouter: where it routes to, before what the model could do
    ("context_length",),
    ("loaded_context_length",),  # LM Studio
    ("max_context_length",),
    ("max_input_tokens",),  # LiteLLM
    ("model_info", "max_input_tokens"),
    ("context_window",),  # Groq
)
"""Where servers say how many tokens fit; the first that says so counts."""


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of the list of models.

    Args:
        id: what a client asks for.
        owner: who has it.
        created: in seconds since the epoch, 0 if the upstream does not say.
        context_window: how many tokens fit, if anybody says.
    """

    id: str
    owner: str
    created: int = 0
    context_window: int | None = None


def read_models(body: bytes, *, owner: str) -> list[Model]:
    """The models in the answer to `GET /models`.

    Raises:
        ValueError: when it is no JSON.
    """
    return [
        Model(entry["id"], owner, _count(entry.get("created")) or 0, next(_windows(entry), None))
        for entry in _entries(loads(body))
        if isinstance(entry, dict) and isinstance(entry.get("id"), str)
    ]


def _entries(value: JSONValue) -> list[JSONValue]:
    entries = value.get("data") if isinstance(value, dict) else value
    return entries if isinstance(entries, list) else []


def _windows(entry: JSONObject) -> Iterator[int]:
    for place in _WINDOW_PLACES:
        value: JSONValue = entry
        for name in place:
            value = value.get(name) if isinstance(value, dict) else None
        if (count := _count(value)) is not None:
            yield count


def _count(value: JSONValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
