"""The rules that a stream of Responses events keeps, as a client sees them: it folds the events and compares.

Written apart from the gateway's own composer on purpose: it shares no code with it. `fold` reads parsed events in
order and raises `Violation` at the first that could not stand there. Shapes are checked elsewhere (`tests/official.py`).
"""

from dataclasses import dataclass, field

from gateway.codec.json import JSONObject, JSONValue

TERMINAL = {
    "response.completed": ("completed",),
    "response.incomplete": ("incomplete", "cancelled"),
    "response.failed": ("failed",),
}
"""The terminal events, each with the statuses that its response may have: there is no event for a cancelled one."""

ENDS = {status for statuses in TERMINAL.values() for status in statuses}

CALLS = {
    "function_call",
    "custom_tool_call",
    "tool_search_call",
    "local_shell_call",
    "shell_call",
    "apply_patch_call",
}

WITHOUT_STATUS = {"compaction", "mcp_approval_request", "mcp_list_tools", "program"}
"""Items that the API gives no status."""

HOSTED = {
    "code_interpreter_call",
    "file_search_call",
    "image_generation_call",
    "mcp_call",
    "web_search_call",
}
"""Items of tools that a service runs: they may have failed, and the answer goes on."""

_PREFIXES = {"message": "msg_", "reasoning": "rs_", "function_call": "fc_", "custom_tool_call": "ctc_"}
_EMPTY: dict[str, tuple[str, JSONValue]] = {
    "message": ("content", []),
    "reasoning": ("summary", []),
    "function_call": ("arguments", ""),
    "custom_tool_call": ("input", ""),
}
"""The container that a new item must already have, and how it looks while it is empty."""

_VOLATILE = {"status", "completed_at", "error", "incomplete_details", "output", "usage", "service_tier"}

_PARTS = {"response.content_part": "content", "response.reasoning_summary_part": "summary"}
_TEXTS = {
    "response.output_text": ("content", "output_text", "text"),
    "response.refusal": ("content", "refusal", "refusal"),
    "response.reasoning_text": ("content", "reasoning_text", "text"),
    "response.reasoning_summary_text": ("summary", "summary_text", "text"),
}
_ARGUMENTS = {
    "response.function_call_arguments": ("function_call", "arguments"),
    "response.custom_tool_call_input": ("custom_tool_call", "input"),
}


class Violation(AssertionError):  # noqa: N818 - it is a finding about a stream, not a fault of the program
    """A rule of the contract that the gateway's bytes break."""


def require(condition: bool, message: str) -> None:
    """Raise `Violation` with the message unless the condition holds."""
    if not condition:
        raise Violation(message)


@dataclass(frozen=True, slots=True)
class StreamCheck:
    """A stream that keeps every rule: its events and the response object of the terminal one."""

    events: list[JSONObject]
    response: JSONObject

    @property
    def types(self) -> list[str]:
        """The event types in order."""
        return [event["type"] for event in self.events]

    @property
    def text(self) -> str:
        """The text of all messages."""
        return output_text(self.response)

    @property
    def refusal(self) -> str:
        """The refusal of all messages."""
        return _joined(self.response, "message", "content", "refusal", "refusal")

    @property
    def reasoning(self) -> str:
        """The text of all reasoning items, in whichever form it came."""
        return output_reasoning(self.response)

    @property
    def calls(self) -> list[JSONObject]:
        """The tool calls in order, as items."""
        return output_calls(self.response)


def output_text(response: JSONObject) -> str:
    """The text of all messages of a Response object."""
    return _joined(response, "message", "content", "output_text", "text")


def output_reasoning(response: JSONObject) -> str:
    """The reasoning of a Response object: its summaries, and raw text where there is any."""
    raw = _joined(response, "reasoning", "content", "reasoning_text", "text")
    return raw or _joined(response, "reasoning", "summary", "summary_text", "text")


def output_calls(response: JSONObject) -> list[JSONObject]:
    """The tool call items of a Response object."""
    return [item for item in response["output"] if item["type"] in CALLS]


def _joined(response: JSONObject, item_type: str, container: str, part_type: str, key: str) -> str:
    items = [item for item in response["output"] if item["type"] == item_type]
    parts = [part for item in items for part in item.get(container) or []]
    return "".join(part[key] for part in parts if part["type"] == part_type)


def fold(events: list[JSONObject]) -> StreamCheck:
    """Fold the events as a client does and hold every step against the rules."""
    folding = _Folding()
    for number, event in enumerate(events):
        require(folding.terminal is None, f"an event after the terminal one: {event['type']}")
        sequence = event.get("sequence_number")
        require(type(sequence) is int and sequence == number, f"sequence_number {sequence} where {number} is due")
        require((number == 0) == (event["type"] == "response.created"), f"event {number} is {event['type']}")
        folding.apply(event)
    if folding.terminal is None:
        raise Violation("the stream has no terminal event")
    check_final_response(folding.terminal)
    return StreamCheck(events, folding.terminal)


@dataclass(slots=True)
class _Item:
    """An output item as its events have built it so far."""

    body: JSONObject
    part: tuple[str, int] | None = None
    """The container and index of the part that is open."""
    text_done: bool = False
    """Whether the open part, or the arguments, had their done event."""
    logprobs: list[str] = field(default_factory=list)
    done: bool = False


@dataclass(slots=True)
class _Folding:
    created: JSONObject = field(default_factory=dict)
    terminal: JSONObject | None = None
    items: list[_Item] = field(default_factory=list)

    def apply(self, event: JSONObject) -> None:
        name = event["type"]
        stem, _, step = name.rpartition(".")
        if name == "response.created":
            self._begin(event["response"])
        elif name == "response.in_progress":
            require(not self.items, "response.in_progress after an item was added: the node SDK's helper throws")
            self._same_response(event["response"], "in_progress")
        elif name == "response.queued":
            require(self.created["status"] == "queued", "response.queued for a response that was not")
            self._same_response(event["response"], "queued")
        elif name in TERMINAL:
            require(event["response"]["status"] in TERMINAL[name], f"{name} with status {event['response']['status']}")
            self._end(event["response"], event["response"]["status"])
        elif stem == "response.output_item":
            self._add_item(event) if step == "added" else self._finish_item(event)
        elif stem in _PARTS:
            self._part(event, _PARTS[stem], step)
        elif stem in _TEXTS:
            self._text(event, stem, step)
        elif name == "response.output_text.annotation.added":
            self._annotation(event)
        elif stem in _ARGUMENTS:
            self._arguments(event, stem, step)
        else:
            require(name == "keepalive", f"an event that nothing here explains: {name}")

    def _begin(self, response: JSONObject) -> None:
        status = response["status"]
        require(status in ("in_progress", "queued"), f"response.created with status {status}")
        require(
            status == "in_progress" or response["background"] is True,
            "a response is queued that is not in the background",
        )
        require(response["output"] == [], "response.created with output")
        require(str(response["id"]).startswith("resp_"), f"the response's id is {response['id']!r}")
        self.created = response
        self._same_response(response, status)

    def _same_response(self, response: JSONObject, status: str) -> None:
        require(response["status"] == status, f"status {response['status']!r} where {status!r} is due")
        changed = [key for key in self.created.keys() | response.keys() if key not in _VOLATILE]
        changed = [key for key in changed if self.created.get(key) != response.get(key)]
        if status in ENDS and response["store"] is False and "store" in changed:
            changed.remove("store")  # it could not be stored in the end
        require(not changed, f"members that changed since response.created: {sorted(changed)}")
        if status not in ENDS:
            require(response["usage"] is None, "usage before the end")
            require(response["error"] is None and response["completed_at"] is None, "an end before the end")

    def _add_item(self, event: JSONObject) -> None:
        item = event["item"]
        require(event["output_index"] == len(self.items), f"output_index {event['output_index']} is not the next one")
        require(all(other.done for other in self.items), "an item is added while another is open")
        require(bool(item.get("id")), f"an item without id: {item}")
        require(str(item["id"]).startswith(_PREFIXES.get(item["type"], "")), f"{item['type']} with id {item['id']!r}")
        require(item["id"] not in [other.body["id"] for other in self.items], f"the id {item['id']} is used twice")
        status = item.get("status", _begins(item))
        require(status == "in_progress", f"a new item has status {status!r}")
        if item["type"] in _EMPTY:
            container, empty = _EMPTY[item["type"]]
            require(item.get(container) == empty, f"a new {item['type']} has {container} {item.get(container)!r}")
        self.items.append(_Item(dict(item) | {key: list(v) for key, v in item.items() if isinstance(v, list)}))

    def _open_item(self, event: JSONObject) -> _Item:
        index, identifier = event["output_index"], event.get("item_id")
        require(index == len(self.items) - 1, f"{event['type']} for output_index {index}, which is not open")
        item = self.items[index]
        require(not item.done, f"{event['type']} after output_item.done")
        require(
            identifier in (None, item.body["id"]), f"{event['type']} for {identifier!r}, open is {item.body['id']!r}"
        )
        return item

    def _part(self, event: JSONObject, container: str, step: str) -> None:
        item = self._open_item(event)
        index = event["summary_index" if container == "summary" else "content_index"]
        part = event["part"]
        if step == "added":
            require(item.part is None, f"{event['type']} while a part is open")
            require(index == len(item.body.setdefault(container, [])), f"{event['type']} with index {index}")
            require(not any(part[key] for key in part if key != "type"), f"a new part is not empty: {part}")
            item.body[container].append(dict(part))
            item.part, item.text_done, item.logprobs = (container, index), False, []
            return
        require(item.part == (container, index), f"{event['type']} for a part that is not open")
        require(item.text_done, f"{event['type']} before the text's done event")
        self._same_part(item, part, event["type"])
        item.body[container][index] = part
        item.part = None

    def _same_part(self, item: _Item, part: JSONObject, at: str) -> None:
        container, index = item.part or ("content", 0)
        folded = item.body[container][index]
        ignored = {"logprobs", "status"}
        same = {k: v for k, v in part.items() if k not in ignored} == {
            k: v for k, v in folded.items() if k not in ignored
        }
        require(same, f"{at}: the part is not what its deltas gave")
        tokens = [entry["token"] for entry in part.get("logprobs") or []]
        require(tokens == item.logprobs, f"{at}: logprobs are not those of the deltas")

    def _text(self, event: JSONObject, stem: str, step: str) -> None:
        container, part_type, key = _TEXTS[stem]
        item = self._open_item(event)
        index = event["summary_index" if container == "summary" else "content_index"]
        require(item.part == (container, index), f"{event['type']} without an open part")
        part = item.body[container][index]
        require(part["type"] == part_type, f"{event['type']} in a part of type {part['type']}")
        require(not item.text_done, f"{event['type']} after the text was done")
        if step == "delta":
            part[key] += event["delta"]
            item.logprobs += [entry["token"] for entry in event.get("logprobs") or []]
            return
        require(event[key] == part[key], f"{event['type']}: not what its deltas gave")
        if "logprobs" in event:
            tokens = [entry["token"] for entry in event["logprobs"]]
            require(tokens == item.logprobs, f"{event['type']}: logprobs are not those of the deltas")
        item.text_done = True

    def _annotation(self, event: JSONObject) -> None:
        item = self._open_item(event)
        require(item.part == ("content", event["content_index"]), "an annotation without an open part")
        annotations = item.body["content"][event["content_index"]]["annotations"]
        require(event["annotation_index"] == len(annotations), f"annotation_index {event['annotation_index']}")
        annotations.append(event["annotation"])

    def _arguments(self, event: JSONObject, stem: str, step: str) -> None:
        item_type, key = _ARGUMENTS[stem]
        item = self._open_item(event)
        require(item.body["type"] == item_type, f"{event['type']} in a {item.body['type']}")
        require(not item.text_done, f"{event['type']} after the arguments were done")
        if step == "delta":
            item.body[key] += event["delta"]
            return
        require(event[key] == item.body[key], f"{event['type']}: not what its deltas gave")
        require(event.get("name") in (None, item.body["name"]), f"{event['type']}: another name")
        item.text_done = True

    def _finish_item(self, event: JSONObject) -> None:
        item = self._open_item(event)
        final = event["item"]
        status = final.get("status", _ended(final))
        require(status in _ends(final), f"a finished item has status {status!r}")
        require(item.part is None, f"output_item.done while a part of {final['id']} is open")
        if item.body["type"] in _EMPTY:
            folded, seen = _without(item.body), _without(final)
            require(folded == seen, f"output_item.done is not what its events gave: {seen} instead of {folded}")
        for key in ("id", "type", "call_id", "name", "namespace"):
            require(final.get(key) == item.body.get(key), f"output_item.done with another {key}")
        if item.body["type"] in ("function_call", "custom_tool_call") and status == "completed":
            require(item.text_done, "a completed call without the done event of its arguments")
        item.body, item.done = final, True

    def _end(self, response: JSONObject, status: str) -> None:
        self._same_response(response, status)
        for item in self.items:
            self._give_up(item, status)
        output = [item.body for item in self.items]
        require(response["output"] == output, f"the final output is not what the events gave: {response['output']}")
        for item in self.items:
            if item.body["type"] in ("function_call", "custom_tool_call") and item.body["status"] == "incomplete":
                runnable = status == "failed" and item.text_done
                require(not runnable, "the arguments of a broken call had their done event: a client would run it")
        self.terminal = response

    def _give_up(self, item: _Item, status: str) -> None:
        """An item that was never done: only a freeform call may be, whose input broke off. A client would run it."""
        if item.done:
            require(
                _is_whole(item.body), "the broken input of a freeform call had its done event: a client would run it"
            )
            return
        is_broken_call = status != "completed" and item.body["type"] == "custom_tool_call" and not item.text_done
        require(is_broken_call, "the terminal event comes while an item is open")
        item.body = item.body | {"status": "incomplete"}


def _is_whole(item: JSONObject) -> bool:
    return bool(item["type"] != "custom_tool_call" or item["status"] == "completed")


def _begins(item: JSONObject) -> str | None:
    """The status of a new item that has none in the API."""
    return "in_progress" if item["type"] in WITHOUT_STATUS else None


def _ended(item: JSONObject) -> str | None:
    return "completed" if item["type"] in WITHOUT_STATUS else None


def _ends(item: JSONObject) -> tuple[str, ...]:
    return ("completed", "incomplete", "failed") if item["type"] in HOSTED else ("completed", "incomplete")


def _without(item: JSONObject) -> JSONObject:
    """The item without what may still change at its end."""
    return {key: value for key, value in item.items() if key not in ("status", "encrypted_content")}


def check_final_response(response: JSONObject) -> None:
    """A Response object at its end: status, error, details, usage and items agree with each other."""
    status = response["status"]
    require(status in ENDS, f"a final response has status {status!r}")
    require((response["error"] is not None) == (status == "failed"), f"{status} with error {response['error']!r}")
    details = response["incomplete_details"]
    require((details is not None) == (status == "incomplete"), f"{status} with incomplete_details {details!r}")
    ended = response["completed_at"] is not None
    require(ended == (status == "completed"), f"{status} with completed_at {response['completed_at']!r}")
    require(not ended or response["completed_at"] >= response["created_at"], "completed before it was created")
    require(response["usage"] is not None or status == "failed", f"{status} without usage")
    _check_usage(response["usage"])
    _check_items(response["output"], status)


def _check_usage(usage: JSONObject | None) -> None:
    if usage is None:
        return
    counts = [usage[key] for key in ("input_tokens", "output_tokens", "total_tokens")]
    counts += [usage["input_tokens_details"]["cached_tokens"], usage["output_tokens_details"]["reasoning_tokens"]]
    require(all(type(count) is int and count >= 0 for count in counts), f"usage with odd counts: {usage}")


def _check_items(items: list[JSONObject], status: str) -> None:
    identifiers = [item["id"] for item in items]
    require(len(set(identifiers)) == len(identifiers), f"ids that are used twice: {identifiers}")
    call_ids = [item["call_id"] for item in items if item["type"] in CALLS]
    require(len(set(call_ids)) == len(call_ids), f"call_ids that are used twice: {call_ids}")
    require(all(0 < len(str(call_id)) <= 64 for call_id in call_ids), f"call_ids that are empty or long: {call_ids}")
    for item in items:
        ended = item.get("status", _ended(item))
        require(ended in _ends(item), f"an item of a final response is {ended}")
        require(ended != "incomplete" or status != "completed", "completed with an incomplete item")
        if item["type"] == "function_call" and item["status"] == "completed":
            require(item["arguments"] != "", "a completed call with empty arguments: clients parse them")
    unfinished = [index for index, item in enumerate(items) if item.get("status") == "incomplete"]
    if status in TERMINAL["response.incomplete"]:
        require(unfinished in ([], [len(items) - 1]), f"incomplete items that are not the last one: {unfinished}")
