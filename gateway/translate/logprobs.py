"""Token log probabilities, from the form of Chat Completions to the one of the Responses API."""

from gateway.codec.json import JSONObject, JSONValue


def response_logprobs(entries: list[JSONObject]) -> list[JSONObject]:
    """The entries with all members that strict clients ask for: `{token, logprob, bytes, top_logprobs}`."""
    return [{**_token(entry), "top_logprobs": _alternatives(entry.get("top_logprobs"))} for entry in entries]


def _alternatives(entries: JSONValue) -> list[JSONObject]:
    return [_token(entry) for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _token(entry: JSONObject) -> JSONObject:
    token, logprob, codes = entry.get("token"), entry.get("logprob"), entry.get("bytes")
    text = token if isinstance(token, str) else ""
    return {
        "token": text,
        "logprob": float(logprob) if isinstance(logprob, int | float) else 0.0,
        "bytes": codes if isinstance(codes, list) else list(text.encode()),
    }
