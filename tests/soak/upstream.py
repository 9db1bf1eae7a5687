"""The upstreams of the soak: what they do is written into the prompt of each request."""

import random
import re

from gateway.codec.json import JSONObject
from tests.fakes import chat
from tests.fakes.upstream import Script, Step, Upstream

_WORD = re.compile(r"\[([a-z]+)\]")


def prompt(word: str) -> str:
    """A prompt that makes the upstream do what the word says."""
    return f"[{word}] " + "some words of a prompt " * 5


def script_for(body: JSONObject) -> Script:
    """What the last word in brackets of the request asks for."""
    words = _WORD.findall(str(body.get("messages", "")))
    word = words[-1] if words else "talk"
    is_stream = body.get("stream") is True
    match word:
        case "cut":
            return Script.of(*_talk(5), random.choice(("cut", "reset")))
        case "refuse":
            status = random.choice((400, 429, 500, 503))
            return Script.json(chat.error_body("not now"), status=status)
        case "page":
            return Script((b"<html></html>",), 200, "text/html")
        case "rubbish":
            return Script.of(*_talk(3), b'data: {"choices": [{"delta": \xff\xfe\n\n')
        case "hang":
            return Script.of(*_talk(2), "hang")
        case "silent":
            return Script.of("hang")
        case "flood":
            return Script.of(*[chat.chunk({"content": "x" * 1000}) * 20] * 50, chat.ending())
        case "stall":
            return Script.of(*[chat.chunk({"content": "x" * 1000}) * 20] * 10, "hang")
        case "call":
            return Script.of(chat.call_stream(("call_1", "look", '{"at": "the sky"}')))
        case "think":
            return Script.of(chat.chunk({"reasoning_content": "Hm. "}) * 5, *_talk(5), chat.ending())
        case _:
            return Script.of(*_talk(20 if is_stream else 3), chat.ending())


def _talk(pieces: int) -> list[Step]:
    """Words with pauses as a model makes them."""
    steps: list[Step] = []
    for number in range(pieces):
        steps += [chat.chunk({"content": f"word {number} "}), random.uniform(0, 0.03)]
    return steps


def under_way(upstream: Upstream) -> int:
    """How many requests it is answering. Those that are over are forgotten: hours of them would fill the memory."""
    upstream.received[:] = [received for received in upstream.received if not received.finished.is_set()]
    return len(upstream.received)
