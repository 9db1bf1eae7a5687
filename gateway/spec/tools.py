"""The tools that a request declares, typed. Words only; a tool that only a hosted service can run has no shape here."""

from typing import Annotated

from msgspec import Meta, Struct

from gateway.spec.requests import Object

Name = Annotated[str, Meta(min_length=1)]


class FunctionTool(Struct, frozen=True):
    """`function`: real clients leave out `parameters` and `strict`."""

    name: Name
    description: str | None = None
    parameters: Object | None = None
    strict: bool | None = None


class InputFormat(Struct, frozen=True):
    """What the input of a custom tool looks like."""

    type: str
    syntax: str | None = None
    definition: str | None = None


class CustomTool(Struct, frozen=True):
    """`custom`: its input is one text."""

    name: Name
    description: str | None = None
    format: InputFormat | None = None


class Namespace(Struct, frozen=True):
    """`namespace`: a group of functions and custom tools."""

    name: Name
    tools: list[Object]
    description: str | None = None


class ToolSearch(Struct, frozen=True):
    """`tool_search`."""

    execution: str | None = None
    description: str | None = None
    parameters: Object | None = None


class Skill(Struct, frozen=True):
    """A folder with instructions that a local shell can read."""

    name: str
    description: str
    path: str


class Environment(Struct, frozen=True):
    """Where a `shell` runs."""

    type: str
    skills: list[Skill] = []


class ShellTool(Struct, frozen=True):
    """`shell`."""

    environment: Environment | None = None
