"""Hosted tools that an upstream has as a feature of its own, asked for by members of the Chat request.

The provider's settings say which type of tool stands for which members. Whether the model uses such a feature is the
upstream's matter: it calls nothing that the client would see.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from gateway.codec.json import JSONObject, JSONValue

HostedTools = Mapping[str, Mapping[str, object]]
"""Members by the type of tool, which may be a shell pattern: `web_search*` is every version of it."""


def feature_members(kind: str, hosted_tools: HostedTools) -> JSONObject | None:
    """The members that ask for the feature; nothing where the upstream has none for this type."""
    for pattern, members in hosted_tools.items():
        if fnmatchcase(kind, pattern):
            return dict(members)
    return None


def unsent_options(tool: JSONObject) -> list[str]:
    """The members of a declaration that the feature does not get: it is asked for as the settings say, and no other."""
    return [name for name, value in tool.items() if name not in ("type", "external_web_access") and value]


def with_features(body: JSONObject, features: Iterable[JSONObject]) -> JSONObject:
    """The body with these members: a list is appended to one that is there, a table merged into it."""
    merged = dict(body)
    for members in features:
        for name, value in members.items():
            merged[name] = _joined(merged.get(name), value)
    return merged


def _joined(old: JSONValue, new: JSONValue) -> JSONValue:
    if isinstance(old, list) and isinstance(new, list):
        return [*old, *(entry for entry in new if entry not in old)]
    return {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new
