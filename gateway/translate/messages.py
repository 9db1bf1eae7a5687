"""The pieces of a history become Chat messages in the order that upstreams insist on.

One run of the assistant is one message, its tool results follow at once, every call is answered exactly once,
nothing stands between them, and no message is empty. Everything else keeps its place.
"""

from collections.abc import Iterable

from gateway.codec.json import JSONObject
from gateway.settings import Quirks, ToolResultContent
from gateway.translate.content import Part, chat_content, media_of, text_of
from gateway.translate.history import Call, Note, Piece, Result, Said, Thought
from gateway.translate.losses import Losses
from gateway.translate.pairing import Asked, pair
from gateway.translate.reasoning_replay import give_back

NO_RESULT = "[no result: the tool call was not finished]"
"""Stands in for the result of a call that the history never answers."""


def chat_messages(
    pieces: list[Piece], system: list[str], *, quirks: Quirks, losses: Losses, provider: str = ""
) -> list[JSONObject]:
    """All messages; `system` are the texts that come before anything in the history, `provider` gets them."""
    builder = _Builder(system, quirks, losses, provider)
    pairs = pair(pieces)
    for result in pairs.lost():
        losses.note(f"{result.at}.output")
    for index, piece in enumerate(pieces):
        match piece:
            case Note():
                builder.note(piece)
            case Said():
                builder.run.texts.append(piece.text)
            case Thought():
                builder.run.thoughts.append(piece)
            case Result():
                builder.result(piece, pairs.answers.get(index))
            case Call():
                builder.run.calls |= {asked.call_id: asked for asked in pairs.asked(index)}
    return builder.finish()


def question(text: str, system: list[str], quirks: Quirks) -> list[JSONObject]:
    """What `chat_messages` makes of a history that is one text of the user: many requests are no more."""
    return [*_system_messages(system, quirks), {"role": "user", "content": text}]


def _system_messages(texts: Iterable[str], quirks: Quirks) -> list[JSONObject]:
    """The messages of the system before all others."""
    texts = [text for text in texts if text]
    if texts and quirks.system_mode == "merge_first":
        texts = ["\n\n".join(texts)]
    return [{"role": quirks.system_role, "content": text} for text in texts]


class _Run:
    """What the assistant did without being interrupted."""

    __slots__ = ("calls", "texts", "thoughts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.thoughts: list[Thought] = []
        self.calls: dict[str, Asked] = {}

    def is_empty(self) -> bool:
        return not (self.texts or self.thoughts or self.calls)

    def has_message(self) -> bool:
        return bool(self.texts or self.calls)


class _Builder:
    """Puts the messages one after the other."""

    def __init__(self, system: list[str], quirks: Quirks, losses: Losses, provider: str) -> None:
        self.run = _Run()
        self._provider = provider
        self._messages: list[JSONObject] = []
        self._quirks = quirks
        self._losses = losses
        self._merges = quirks.system_mode == "merge_first"
        self._leading = list(system)
        self._is_leading = True

    def note(self, note: Note) -> None:
        self._end_run()
        if note.is_system:
            self._system(note.parts)
        else:
            self._is_leading = False
            self._user(note.parts)

    def result(self, result: Result, asked: Asked | None) -> None:
        """The answer to a call of this run ends it; to an earlier one it stands there already; others become notes."""
        if asked is None:
            self._end_run()
            self._is_leading = False
            self._user([f"[result of an earlier tool call {result.call_id or ''}]\n", *result.parts])
        elif asked.call_id in self.run.calls:
            self._end_run()

    def finish(self) -> list[JSONObject]:
        self._end_run()
        return _system_messages(self._leading, self._quirks) + self._messages

    def _system(self, parts: list[Part]) -> None:
        """System text may hold no picture: those go into a message of the user."""
        text = text_of(parts)
        if self._is_leading:
            self._leading.append(text)
        elif text and self._merges:
            # Many chat templates refuse a later system message; in its place a marked one keeps the order.
            self._user([f"<system_message>\n{text}\n</system_message>"])
        elif text:
            self._messages.append({"role": self._quirks.system_role, "content": text})
        if media := media_of(parts):
            self._is_leading = False
            self._user([*media])

    def _user(self, parts: list[Part]) -> None:
        self._messages.append({"role": "user", "content": chat_content(parts)})

    def _end_run(self) -> None:
        run = self.run
        if run.is_empty():
            return
        self.run = _Run()
        if run.has_message():
            self._is_leading = False
            self._messages.append(self._assistant(run))
            self._messages += _tool_messages(run.calls.values(), self._quirks.tool_result_content)
        else:
            for thought in run.thoughts:
                self._losses.note(thought.at, "reasoning")

    def _assistant(self, run: _Run) -> JSONObject:
        message: JSONObject = {"role": "assistant"}
        if run.texts:
            message["content"] = "\n".join(run.texts)
        elif self._quirks.assistant_null_content != "omit":
            message["content"] = None if self._quirks.assistant_null_content == "null" else ""
        if run.calls:
            message["tool_calls"] = [_tool_call(asked) for asked in run.calls.values()]
        give_back(run.thoughts, message, quirks=self._quirks, losses=self._losses, provider=self._provider)
        return message


def _tool_call(asked: Asked) -> JSONObject:
    function = {"name": asked.call.name, "arguments": asked.call.arguments}
    return {"id": asked.call_id, "type": "function", "function": function}


def _tool_messages(calls: Iterable[Asked], form: ToolResultContent) -> list[JSONObject]:
    """The results in the order of the calls, then one message of the user with all that must not stand in them."""
    messages: list[JSONObject] = []
    attached: list[Part] = []
    for asked in calls:
        parts: list[Part] = asked.result.parts if asked.result is not None else [NO_RESULT]
        if form == "string":
            parts = _told(parts, asked, attached)
        messages.append({"role": "tool", "tool_call_id": asked.call_id, "content": chat_content(parts)})
    if attached:
        messages.append({"role": "user", "content": chat_content(attached)})
    return messages


def _told(parts: list[Part], asked: Asked, attached: list[Part]) -> list[Part]:
    return [part if isinstance(part, str) else _attach(part, asked, attached) for part in parts]


def _attach(part: JSONObject, asked: Asked, attached: list[Part]) -> str:
    """Hardly any upstream takes pictures in a tool message; returns the words that stand there instead."""
    label = f"attachment {len(attached) // 2 + 1}"
    attached += [f"[{label}, from the result of {asked.call.name}, call {asked.call_id}]", part]
    return f"[{label}: see the next message of the user]"
