"""What the composer does for each signal in each situation: the table that it runs on.

Words and data only. The table in the documentation is made from this one.
"""

from collections.abc import Mapping
from enum import Enum, StrEnum

from gateway.translate.signals import (
    Annotation,
    CallArguments,
    CallStart,
    Failure,
    Finish,
    MessageStart,
    Opaque,
    PartEnd,
    Reasoning,
    ReasoningStart,
    Refusal,
    Signal,
    Text,
    Texts,
    Whole,
)


class Open(StrEnum):
    """What is open while the composer waits for the next signal."""

    NOTHING = "nothing"
    REASONING = "reasoning item"
    MESSAGE = "message"
    TEXT = "message, text part"
    REFUSAL = "message, refusal part"
    CALL = "call item"
    ENDED = "ended"


class Step(Enum):
    """One thing the composer does; a transition is a sequence of them."""

    OPEN_REASONING = "open reasoning item"
    OPEN_MESSAGE = "open message"
    OPEN_TEXT = "open text part"
    OPEN_REFUSAL = "open refusal part"
    OPEN_CALL = "open call item"
    APPEND = "delta"
    APPEND_ALL = "deltas"
    ANNOTATE = "annotation"
    CLOSE_PART = "close part"
    WRITE_WHOLE = "whole item"
    KEEP = "keep for sealing"
    CARRY = "reasoning item for what was kept"
    CLOSE_ITEM = "close item"
    FINISH = "terminal event"
    FAIL = "response.failed"


Row = Mapping[type[Signal], tuple[Step, ...]]


def _row(*closing: Step, own: Row | None = None) -> Row:
    """What the signals do after what is open has been closed, and what is done instead for those in `own`."""
    row: Row = {
        Text: (*closing, Step.OPEN_MESSAGE, Step.OPEN_TEXT, Step.APPEND),
        Reasoning: (*closing, Step.OPEN_REASONING, Step.APPEND),
        Refusal: (*closing, Step.OPEN_MESSAGE, Step.OPEN_REFUSAL, Step.APPEND),
        CallStart: (*closing, Step.CARRY, Step.OPEN_CALL),
        CallArguments: (),
        MessageStart: (*closing, Step.OPEN_MESSAGE),
        ReasoningStart: (*closing, Step.OPEN_REASONING),
        PartEnd: (),
        Annotation: (),
        Whole: (*closing, Step.CARRY, Step.WRITE_WHOLE),
        Opaque: (Step.KEEP,),
        Finish: (Step.FINISH,),
        Failure: (Step.FAIL,),
        **(own or {}),
    }
    return {**row, Texts: tuple(Step.APPEND_ALL if step is Step.APPEND else step for step in row[Text])}


_NEW_TEXT = (Step.OPEN_TEXT, Step.APPEND)
_NEW_REFUSAL = (Step.OPEN_REFUSAL, Step.APPEND)
_MORE = (Step.APPEND,)
_LESS = (Step.CLOSE_PART,)

TRANSITIONS: Mapping[Open, Row] = {
    Open.NOTHING: _row(),
    Open.REASONING: _row(Step.CLOSE_ITEM, own={Reasoning: _MORE, PartEnd: _LESS}),
    Open.MESSAGE: _row(Step.CLOSE_ITEM, own={Text: _NEW_TEXT, Refusal: _NEW_REFUSAL}),
    Open.TEXT: _row(
        Step.CLOSE_ITEM,
        own={Text: _MORE, Refusal: _NEW_REFUSAL, PartEnd: _LESS, Annotation: (Step.ANNOTATE,)},
    ),
    Open.REFUSAL: _row(Step.CLOSE_ITEM, own={Text: _NEW_TEXT, Refusal: _MORE, PartEnd: _LESS}),
    Open.CALL: _row(Step.CLOSE_ITEM, own={CallArguments: _MORE}),
    Open.ENDED: dict.fromkeys(_row(), ()),
}
