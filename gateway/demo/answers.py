"""The sentences of the demo upstream.

Only words: when each is said is decided in `gateway.demo.script`.
"""

from collections.abc import Iterator
from itertools import cycle, islice

from gateway.codec.json import JSONObject
from gateway.demo import steps, wording

REFUSAL = "I am sorry, but I cannot help with that: you asked me to refuse."
FILTERED = "I was about to say something that a content filter"
FAULT = "The demo upstream was asked for an error in the middle of the stream."

_QUOTE_LIMIT = 80
_RESULT_LIMIT = 300
_STORY = (
    "Once upon a time a small token left its model, crossed a café full of sockets 🚀, said « déjà vu » to a heartbeat "
    "and arrived, in order and on time. Então, très bien: the next token was already on its way. "
)
_THOUGHTS = (
    "The user wants something from the demo upstream. ",
    "I should be brief, friendly and exact. ",
    "Let me check that nothing gets lost on the way: accents like é and ñ, an emoji 🤔, and the order of it all. ",
    "Yes, that holds. I can answer now.",
)
_THOUGHTS_BY_EFFORT = {"low": 1, "medium": 2}


def greeting(message: str) -> str:
    """The usual answer."""
    quote = wording.clipped(message, _QUOTE_LIMIT)
    start = f"Hello! You said “{quote}”. " if quote else "Hello! "
    return (
        f"{start}I am the demo upstream: I only pretend to think, but every token you read came to you the real way. "
        "Voilà: naïve café talk, streamed piece by piece 🚀. "
        "Say “long 200”, “pause 3” or “cut” to see how that looks, or offer me a tool."
    )


def about_images(images: list[JSONObject]) -> str:
    """What there is to say about images: how many, and how large each was."""
    count = "an image" if len(images) == 1 else f"{len(images)} images"
    listed = "; ".join(f"{number}: {_image(image)}" for number, image in enumerate(images, start=1))
    return f"You sent me {count}. {listed}. I cannot see, but nothing was lost on the way 🖼️."


def about_results(results: list[tuple[str, str]]) -> str:
    """What there is to say about the results of tool calls."""
    said = " ".join(f"{name} says: {wording.clipped(text, _RESULT_LIMIT) or 'nothing'}." for name, text in results)
    return f"Thank you, I have what I need ✅. {said}"


def thoughts(message: str, effort: str | None, *, remembers: bool) -> str:
    """The reasoning before the answer; longer with more effort.

    Args:
        message: the user's words.
        effort: the effort asked for.
        remembers: reasoning of an earlier turn came back.
    """
    start = "My earlier thoughts came back with the history, good. " if remembers else ""
    quote = f"They say “{wording.clipped(message, _QUOTE_LIMIT)}”. " if message.strip() else ""
    return start + quote + "".join(_THOUGHTS[: _THOUGHTS_BY_EFFORT.get(effort or "", len(_THOUGHTS))]).rstrip()


def story(length: int) -> list[str]:
    """Exactly so many pieces of text."""
    return list(islice(_endless_story(), length))


def _endless_story() -> Iterator[str]:
    return cycle(steps.pieces(_STORY))


def _image(image: JSONObject) -> str:
    url: str = image["url"]
    detail = f"detail {image.get('detail', 'auto')}"
    if url.startswith("data:"):
        kind = url[5:].split(";", 1)[0].split(",", 1)[0]
        return f"{kind}, a data URL of {len(url)} characters, {detail}"
    return f"{wording.clipped(url, _QUOTE_LIMIT)}, {detail}"
