"""Plausible log probabilities for the demo upstream's tokens.

They follow from the token's text alone, so that streamed and whole answers agree. They mean nothing.
"""

from zlib import crc32

from gateway.codec.json import JSONObject

_OTHERS = (" the", " a", ".", ",", " and", " to", " I", " it", "!", " so", " of", " in", "\n", " we", " you", " is")
_STEP = 0.75
"""How much less likely each further alternative is."""


def token_logprob(token: str, top: int) -> JSONObject:
    """One entry of `logprobs.content`, with `top` alternatives, the token itself first."""
    likely = -(crc32(token.encode()) % 500) / 1000
    others = [other for other in (*_OTHERS, " or", " as", " be", " my", "?") if other != token]
    ranked = [token, *others][:top]
    alternatives = [_entry(entry, round(likely - _STEP * rank, 3)) for rank, entry in enumerate(ranked)]
    return {**_entry(token, likely), "top_logprobs": alternatives}


def _entry(token: str, logprob: float) -> JSONObject:
    return {"token": token, "logprob": logprob, "bytes": list(token.encode())}
