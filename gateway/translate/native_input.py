"""The input of a request for an upstream that speaks Responses: items pass as they are.

What is the gateway's own is taken out of them: sealed reasoning becomes the upstream's again, a sealed summary becomes
text. Types that the server refuses are said with messages and functions instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.codec.json import JSONObject, JSONValue, convert, dumps
from gateway.errors import ErrorKind, GatewayError
from gateway.spec.items import Reasoning
from gateway.translate.content import Part, text_of
from gateway.translate.history import Call, Note, Piece, Reading, Result, Said, read_item
from gateway.translate.input_items import PlacedItem, item_type
from gateway.translate.native_tools import NativeTools
from gateway.translate.sealed import SealedReasoning, decode

_OWN = frozenset({"compaction", "context_compaction", "compaction_trigger", "configuration_update", "item_reference"})
"""Types that only the gateway can make sense of."""

_LOADING = ("additional_tools", "tool_search_output")
_PREFIXES = {"message": "msg_", "function_call": "fc_", "custom_tool_call": "ctc_"}
_LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class NativeInput:
    """What the passing of items depends on.

    Args:
        reading: reads the items that cannot pass.
        tools: what the server refuses, and the names that tools have there.
        provider: the upstream's name: reasoning of another one is not given to it.
    """

    reading: Reading
    tools: NativeTools
    provider: str

    def items(self, source: Sequence[PlacedItem]) -> list[JSONObject]:
        """The items as they are sent."""
        return [sent for at, item in source for sent in self._sent(item, at)]

    def loaded(self, source: Sequence[PlacedItem]) -> list[JSONObject]:
        """Tools that stand in items which cannot be sent: they are offered with all others."""
        found: list[JSONObject] = []
        for at, item in source:
            if item.get("type") in _LOADING and self.tools.refuses(item["type"]):
                found += self.tools.offered(item.get("tools") or [], f"{at}.tools")
        return found

    def _sent(self, item: JSONObject, at: str) -> list[JSONObject]:
        kind = item_type(item)
        if not isinstance(kind, str):
            raise GatewayError(ErrorKind.INVALID_TYPE, f"Invalid type for '{at}.type': expected str.", f"{at}.type")
        if kind == "reasoning":
            return self._reasoning(item, at)
        if kind in _OWN or self.tools.refuses(kind) or (item.get("namespace") and self.tools.refuses("namespace")):
            return [self._said(piece, at) for piece in read_item(item, at, self.reading)]
        item = _with_valid_id(item, kind)
        if kind == "message":
            return self._message(item, at)
        if kind in _LOADING:
            return [{**item, "tools": self.tools.offered(item.get("tools") or [], f"{at}.tools")}]
        return [_with_arguments(item) if kind == "function_call" else item]

    def _reasoning(self, item: JSONObject, at: str) -> list[JSONObject]:
        """An upstream gets its own reasoning back as it gave it, and nobody else's."""
        token = convert(item, Reasoning, at).encrypted_content
        unseal = self.reading.rules.unseal
        sealed = decode(unseal(token)) if token and unseal is not None else None
        if (
            not isinstance(sealed, SealedReasoning)
            or sealed.provider != self.provider
            or self.tools.refuses("reasoning")
        ):
            self.reading.rules.losses.note(at, "reasoning")
            return []
        if sealed.item:
            return [sealed.item]
        content = [{"type": "reasoning_text", "text": sealed.text}]
        return [{**item, "summary": [], "content": content, "encrypted_content": None}] if sealed.text else []

    def _message(self, item: JSONObject, at: str) -> list[JSONObject]:
        content = item.get("content")
        if not isinstance(content, list):
            return [item]
        if item.get("role") == "assistant" and any(self._refuses_part(part) for part in content):
            return [self._said(piece, at) for piece in read_item(item, at, self.reading)]
        parts: list[JSONValue] = []
        for index, part in enumerate(content):
            if self._refuses_part(part):
                self.reading.rules.losses.note(f"{at}.content[{index}]", str(part.get("type")))
            else:
                parts.append(_annotated(part))
        return [{**item, "content": parts}] if parts else []

    def _refuses_part(self, part: JSONValue) -> bool:
        return isinstance(part, dict) and self.tools.refuses(part.get("type"))

    def _said(self, piece: Piece, at: str) -> JSONObject:
        match piece:
            case Said(text):
                return {"type": "message", "role": "assistant", "content": text}
            case Call(call_id, name, arguments):
                return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
            case Result(str(call_id), parts):
                output = self._parts(parts, at) if any(not isinstance(part, str) for part in parts) else text_of(parts)
                return {"type": "function_call_output", "call_id": call_id, "output": output}
            case Note(parts, is_system):
                role = self.reading.rules.quirks.system_role if is_system else "user"
                return {"type": "message", "role": role, "content": self._parts(parts, at)}
            case _:
                return {"type": "message", "role": "user", "content": self._parts(getattr(piece, "parts", []), at)}

    def _parts(self, parts: list[Part], at: str) -> list[JSONObject]:
        found: list[JSONObject] = []
        for part in parts:
            if isinstance(part, str):
                found.append({"type": "input_text", "text": part})
            elif isinstance(image := part.get("image_url"), dict):
                found.append({"type": "input_image", "image_url": image["url"], "detail": image.get("detail", "auto")})
            else:
                self.reading.rules.losses.note(at, str(part.get("type")))
        return found


def _with_valid_id(item: JSONObject, kind: str) -> JSONObject:
    """Ids of a form that the API does not have are refused; no id at all never is."""
    item_id = item.get("id")
    if "id" not in item or (
        isinstance(item_id, str) and len(item_id) <= _LONGEST_ID and item_id.startswith(_PREFIXES.get(kind, ""))
    ):
        return item
    return {name: value for name, value in item.items() if name != "id"}


def _with_arguments(item: JSONObject) -> JSONObject:
    """Arguments are JSON in a string; some clients replay nothing, or the object itself."""
    arguments = item.get("arguments")
    if isinstance(arguments, str) and arguments.strip():
        return item
    return {**item, "arguments": "{}" if isinstance(arguments, str) else dumps(arguments or {}).decode()}


def _annotated(part: JSONValue) -> JSONValue:
    """Strict servers demand annotations that clients do not replay."""
    if isinstance(part, dict) and part.get("type") == "output_text" and not isinstance(part.get("annotations"), list):
        return {**part, "annotations": []}
    return part
