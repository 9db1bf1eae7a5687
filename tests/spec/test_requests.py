"""The members of a request: the table of fields is complete."""

from openai.types.responses.response_create_params import ResponseCreateParamsBase

from gateway.spec.requests import FIELDS, CreateRequest


def test_every_member_of_the_official_library_is_known() -> None:
    assert set(ResponseCreateParamsBase.__annotations__) | {"stream"} <= FIELDS


def test_the_members_that_the_reader_fills_are_none_of_the_clients() -> None:
    assert not {"extra", "members"} & FIELDS
    assert (CreateRequest(model="m").extra, CreateRequest(model="m").members) == ({}, ())
