"""The text and the reasoning of one answer: repaired, split at think tags, and without stray white space."""

from gateway.codec.json import JSONObject
from gateway.codec.lenient_json import well_formed
from gateway.settings import Quirks
from gateway.translate.signals import Reasoning, Signal, Text, Texts
from gateway.translate.think_tags import ThinkTagSplitter


class Increments:
    """What is new in each piece of text, as valid Unicode.

    Some upstreams repeat all text so far in each chunk, and some cut a character outside the Basic
    Multilingual Plane into its two surrogates, which cannot be written as UTF-8.
    """

    __slots__ = ("_half", "_is_cumulative", "_seen")

    def __init__(self, *, is_cumulative: bool) -> None:
        self._is_cumulative = is_cumulative
        self._seen = ""
        self._half = ""

    @property
    def is_plain(self) -> bool:
        """Whether the next text comes out as it is."""
        return not self._is_cumulative and not self._half

    def feed(self, text: str) -> str:
        if self._is_cumulative:
            whole, text = text, text.removeprefix(self._seen)
            self._seen = whole
        if self._half or not text.isascii():
            return self._repaired(text)
        return text

    def finish(self) -> str:
        half, self._half = self._half, ""
        return "\ufffd" if half else ""

    def _repaired(self, text: str) -> str:
        text = self._half + text
        self._half = ""
        if "\ud800" <= text[-1:] < "\udc00":
            text, self._half = text[:-1], text[-1]
        return well_formed(text)


class ReasoningChannel:
    """Reasoning from a field of its own."""

    __slots__ = ("_increments",)

    def __init__(self, quirks: Quirks) -> None:
        self._increments = Increments(is_cumulative=quirks.content_mode == "cumulative")

    def feed(self, text: str) -> list[Signal]:
        new = self._increments.feed(text)
        return [Reasoning(new)] if new else []

    def finish(self) -> list[Signal]:
        rest = self._increments.finish()
        return [Reasoning(rest)] if rest else []


class TextChannel:
    """The visible text.

    White space that no other text joins is held back: many models put some between reasoning and tool calls,
    and a message of white space only confuses clients.
    """

    __slots__ = ("_blank", "_increments", "_is_running", "_splitter", "was_used")

    def __init__(self, quirks: Quirks) -> None:
        self._increments = Increments(is_cumulative=quirks.content_mode == "cumulative")
        self._splitter = ThinkTagSplitter(quirks.think_tags) if quirks.think_tags != "off" else None
        self._is_running = False
        self._blank = ""
        self.was_used = False

    @property
    def is_plain(self) -> bool:
        """Whether the next text, whatever it is, comes out as it is."""
        return self._is_running and self._splitter is None and self._increments.is_plain

    def feed(self, text: str, logprobs: list[JSONObject] | None) -> list[Signal]:
        self.was_used = True
        new = self._increments.feed(text)
        if self._splitter is not None:
            return self._filtered(self._splitter.feed(new), logprobs)
        if self._is_running and new:
            return [Text(new, logprobs)]
        return self._filtered([Text(new)] if new else [], logprobs)

    def feed_all(self, texts: list[str]) -> list[Signal]:
        """Several pieces, in valid Unicode and without log probabilities."""
        if self.is_plain:
            return [Texts(texts)]
        return [signal for text in texts for signal in self.feed(text, None)]

    def pause(self) -> list[Signal]:
        """Something else than text comes next: what may be the start of a tag is text after all."""
        signals = self._filtered(self._splitter.finish(), None) if self._splitter is not None else []
        self._is_running = False
        return signals

    def stop(self) -> list[Signal]:
        """A tool call comes next: white space before it is dropped."""
        signals = self.pause()
        self._blank = ""
        return signals

    def finish(self, *, has_calls: bool) -> list[Signal]:
        rest = self._increments.finish()
        signals = self.feed(rest, None) if rest else []
        signals += self.pause()
        if self._blank and not has_calls:
            signals.append(Text(self._blank))
        return signals

    def _filtered(self, pieces: list[Signal], logprobs: list[JSONObject] | None) -> list[Signal]:
        signals: list[Signal] = []
        for piece in pieces:
            if not isinstance(piece, Text):
                self._is_running = False
                signals.append(piece)
            elif self._is_running or not piece.text.isspace():
                signals.append(Text(self._blank + piece.text, logprobs))
                self._is_running, self._blank, logprobs = True, "", None
            else:
                self._blank += piece.text
        return signals
