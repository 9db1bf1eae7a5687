"""Random histories with items of every kind, whole and broken, in any order, for the tests of `test_histories`.

Every text has a mark of its own, which names the item. The strategies are drawn with `MARK` in its place, or with
a function where the mark is packed into something.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from hypothesis import strategies as st

from gateway.codec.json import JSONObject, JSONValue, dumps
from gateway.translate.sealed import SealedReasoning, SealedSummary, encode

MARK = "MARK"
CALL_IDS = ("a", "b", "a_2", "c" * 64)
Drawn = st.SearchStrategy[JSONObject]

call_ids = st.sampled_from(CALL_IDS)
names = st.sampled_from(("f", "g", "a name with spaces", "ünïcode", "n" * 80, "mcp__s__f", "tool_search", "shell"))
namespaces = st.sampled_from((None, "functions", "mcp__s", "mcp__" + "long" * 20))


@dataclass(frozen=True)
class Packed:
    """A text that is made of the mark."""

    text_of: Callable[[str], str]


def some(*values: object) -> st.SearchStrategy[JSONValue]:
    return st.sampled_from(values)


def item(kind: object, /, **members: object) -> Drawn:
    """An item of this type; a member is a strategy, or the value itself."""
    kinds = {} if kind is None else {"type": kind}
    return st.fixed_dictionaries(
        {
            name: member if isinstance(member, st.SearchStrategy) else st.just(member)
            for name, member in (kinds | members).items()
        }
    )


def marked(value: JSONValue, marks: Iterator[str]) -> JSONValue:
    """The value with the next mark in each of its texts; an absent member is left out."""
    match value:
        case str():
            return value.replace(MARK, next(marks)) if MARK in value else value
        case Packed():
            return value.text_of(next(marks))
        case list():
            return [marked(entry, marks) for entry in value]
        case dict():
            return {key: marked(entry, marks) for key, entry in value.items() if entry is not ABSENT}
        case _:
            return value


def marks_of(index: int) -> Iterator[str]:
    """The marks of the item at the index: `m3x0m`, `m3x1m`, and so on."""
    return (f"m{index}x{number}m" for number in count())


ABSENT = object()


def text_file() -> JSONObject:
    data = Packed(lambda mark: f"data:text/plain;base64,{b64encode(mark.encode()).decode()}")
    return {"type": "input_file", "filename": "a.txt", "file_data": data}


def content(kind: str) -> st.SearchStrategy[JSONValue]:
    """A text, or parts that hold a text beside anything else, or nothing."""
    said = {"type": kind, "text": MARK}
    others = [
        {"type": kind, "text": ""},
        {"type": "refusal", "refusal": f"no {MARK}"},
        {"type": "input_image", "image_url": f"https://host/{MARK}.png", "detail": "original"},
        {"type": "input_audio", "input_audio": {"data": MARK, "format": "wav"}},
        {"type": "unheard_of", "text": MARK},
        text_file(),
    ]
    parts = st.lists(some(said, said, *others), max_size=3)
    return st.one_of(st.just(MARK), parts, some("", None, [{"type": kind, "text": ""}]))


def message(role: str, kind: str) -> Drawn:
    return item(None, type=some("message", ABSENT), role=role, content=content(kind), id=some("msg_1", ABSENT))


def token(sealed: Callable[[str], SealedReasoning | SealedSummary]) -> Packed:
    return Packed(lambda mark: encode(sealed(mark)).hex())


def sealed_reasoning(*, has_text: bool, provider: str, has_details: bool, has_extras: bool) -> Packed:
    return token(
        lambda mark: SealedReasoning(
            text=mark if has_text else "",
            provider=provider,
            details=[{"type": "reasoning.encrypted", "data": mark}] if has_details else [],
            extras={name: {"signature": mark} for name in CALL_IDS} if has_extras else {},
        )
    )


def encrypted_content() -> st.SearchStrategy[JSONValue]:
    flags = (True, False)
    tokens = [
        sealed_reasoning(has_text=text, provider=provider, has_details=details, has_extras=extras)
        for text in flags
        for details in flags
        for extras in flags
        for provider in ("up", "other")
    ]
    return st.one_of(some("foreign", None, ABSENT, token(SealedSummary)), some(*tokens))


def reasoning() -> Drawn:
    texts = [{"type": "reasoning_text", "text": MARK}, {"type": "reasoning_text", "text": f"then {MARK}"}]
    return item(
        "reasoning",
        id="rs_1",
        summary=some([], texts),
        content=some(None, ABSENT, texts),
        encrypted_content=encrypted_content(),
    )


def loaded_tools() -> list[JSONObject]:
    child = {"type": "function", "name": f"child_{MARK}"}
    return [
        {"type": "function", "name": f"loaded_{MARK}", "parameters": None},
        {"type": "namespace", "name": "mcp__s", "description": "d", "tools": [child]},
    ]


def calls() -> list[Drawn]:
    whole = Packed(lambda mark: dumps({"x": mark}).decode())
    broken = ({"x": MARK}, f'"{MARK}"', f'{{"x": "{MARK}', f"[{MARK}]", "", None, " ", f'{{"x": "{MARK}", "y": NaN}}')
    action = {"type": "exec", "command": [MARK], "env": {"A": MARK}, "working_directory": MARK}
    operation = {"type": "update_file", "path": MARK, "diff": f"+{MARK}"}
    known = item("function_call", call_id=call_ids, name="f", arguments=whole)
    return [
        known,
        known,
        item("function_call", call_id=call_ids, name=names, namespace=namespaces, arguments=some(whole, *broken)),
        item("custom_tool_call", call_id=call_ids, name=names, namespace=namespaces, input=f'"\n{MARK}\\'),
        item("tool_search_call", call_id=some(*CALL_IDS, None), execution="client", arguments={"query": MARK}),
        item("local_shell_call", call_id=call_ids, action=action),
        item("shell_call", call_id=call_ids, action={"commands": [MARK], "timeout_ms": 5}),
        item("apply_patch_call", call_id=call_ids, operation=operation),
    ]


def results() -> list[Drawn]:
    returned = [{"stdout": MARK, "stderr": "", "outcome": {"type": "timeout"}}]
    known = item("function_call_output", call_id=call_ids, output=content("input_text"))
    return [
        known,
        known,
        item("function_call_output", call_id=some(None, ABSENT), output=MARK),
        item("custom_tool_call_output", call_id=call_ids, output=content("input_text")),
        item("tool_search_output", call_id=some(*CALL_IDS, None), tools=loaded_tools()),
        item("local_shell_call_output", id=call_ids, call_id=some(*CALL_IDS, ABSENT), output=MARK),
        item("shell_call_output", call_id=call_ids, output=some(MARK, returned)),
        item("apply_patch_call_output", call_id=call_ids, status="failed", output=MARK),
    ]


def others() -> list[Drawn]:
    """Summaries, words of other agents, tools, and what no Chat upstream can be given."""
    words = some(
        {"type": "input_text", "text": MARK},
        {"type": "encrypted_content", "encrypted_content": MARK},
        {"type": "input_text", "text": ""},
        {"type": "input_image", "image_url": f"https://host/{MARK}.png"},
    )
    summaries = some(token(SealedSummary), token(SealedReasoning), "foreign")
    hosted = some("web_search_call", "file_search_call", "mcp_call", "mcp_list_tools", "program", "unheard of\n")
    return [
        item(some("compaction", "context_compaction"), encrypted_content=summaries),
        item("agent_message", author="/root", recipient="/root/a", content=st.lists(words, min_size=1, max_size=2)),
        item("additional_tools", role="developer", tools=loaded_tools()),
        item(hosted, id="x", text=MARK),
        item(some("item_reference", ABSENT), id=f"rs_{MARK}"),
        item("configuration_update", reasoning={"effort": "low"}),
    ]


def messages() -> list[Drawn]:
    user, assistant = message("user", "input_text"), message("assistant", "output_text")
    return [user, user, message("developer", "input_text"), message("system", "input_text"), assistant, assistant]


ITEMS = st.one_of(*messages(), reasoning(), reasoning(), *calls(), *results(), *others())


@st.composite
def histories(draw: st.DrawFn) -> list[JSONObject]:
    """Items of which some are replayed; a replay has the marks of its original."""
    items: list[JSONObject] = []
    for index, drawn in enumerate(draw(st.lists(st.one_of(ITEMS, ITEMS, st.integers(0, 9)), min_size=1, max_size=14))):
        if isinstance(drawn, int):
            items.append(items[drawn % index] if index else marked({"role": "user", "content": MARK}, marks_of(0)))
        else:
            items.append(marked(drawn, marks_of(index)))
    return items
