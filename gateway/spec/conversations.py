"""The members of requests to the Conversations API, typed. Words only."""

from typing import Annotated

from msgspec import Meta, Struct

from gateway.spec.requests import Metadata, Object

Items = Annotated[list[Object], Meta(max_length=20)]


class CreateConversation(Struct, frozen=True):
    """`POST /v1/conversations`."""

    items: Items | None = None
    metadata: Metadata | None = None


class UpdateConversation(Struct, frozen=True):
    """`POST /v1/conversations/{id}`."""

    metadata: Metadata


class AddItems(Struct, frozen=True):
    """`POST /v1/conversations/{id}/items`."""

    items: Annotated[Items, Meta(min_length=1)]
