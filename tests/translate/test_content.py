"""Content parts: which Chat content each becomes, and which are refused where."""

import base64

import pytest

from gateway.codec.json import JSONObject, JSONValue
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks
from gateway.translate.content import ADDRESS_OMITTED, IMAGE_OMITTED
from tests.translate.planning import PLAIN, plan_of

PNG = "data:image/png;base64,iVBORw0KGgo="


def content_of(*parts: JSONObject, quirks: Quirks = PLAIN) -> JSONValue:
    return plan_of(input=[{"role": "user", "content": list(parts)}], quirks=quirks).body["messages"][0]["content"]


def text(value: str) -> JSONObject:
    return {"type": "input_text", "text": value}


def data_url(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def test_texts_are_one_string_without_a_separator() -> None:
    assert content_of(text("a"), text("b")) == "ab"


@pytest.mark.parametrize("kind", ["input_text", "output_text", "text", "summary_text", "reasoning_text"])
def test_every_kind_of_text_is_text(kind: str) -> None:
    assert content_of({"type": kind, "text": "a"}) == "a"


def test_a_refusal_is_text() -> None:
    assert content_of({"type": "refusal", "refusal": "no"}) == "no"


def test_beside_an_image_text_is_a_part_and_the_order_stays() -> None:
    assert content_of(text("a"), {"type": "input_image", "image_url": PNG}, text("b")) == [
        {"type": "text", "text": "a"},
        {"type": "image_url", "image_url": {"url": PNG}},
        {"type": "text", "text": "b"},
    ]


@pytest.mark.parametrize(
    ("detail", "sent"), [("low", "low"), ("high", "high"), ("original", "high"), ("auto", None), (None, None)]
)
def test_the_detail_of_an_image_is_one_that_upstreams_know(detail: str | None, sent: str | None) -> None:
    part = content_of({"type": "input_image", "image_url": "https://x/y.png", "detail": detail})
    assert part[0]["image_url"].get("detail") == sent


def test_a_model_without_eyes_is_told_of_the_image_and_the_loss_is_noted() -> None:
    items = [{"role": "user", "content": [text("a"), {"type": "input_image", "image_url": PNG}]}]
    plan = plan_of(input=items, quirks=Quirks(images="none"))
    assert plan.body["messages"][0]["content"] == f"a{IMAGE_OMITTED}"
    assert plan.dropped == ("input[0].content[1]:input_image",)


@pytest.mark.parametrize(
    "kind", ["text/plain", "text/x-python", "application/json", "application/ld+json", "application/xml"]
)
def test_a_text_file_is_its_text(kind: str) -> None:
    part = {"type": "input_file", "filename": "a.txt", "file_data": data_url("naïve".encode(), kind)}
    assert content_of(text("see"), part) == "see\n[file: a.txt]\nnaïve\n"


def test_a_file_without_a_data_url_is_judged_by_its_name() -> None:
    encoded = base64.b64encode(b"a,b").decode()
    assert content_of({"type": "input_file", "filename": "a.csv", "file_data": encoded}) == "\n[file: a.csv]\na,b\n"


def test_a_file_needs_no_name_and_no_valid_text() -> None:
    assert (
        content_of({"type": "input_file", "file_data": data_url(b"a\xff", "text/plain;charset=utf-8")}) == "\na\ufffd\n"
    )


def test_audio_and_video_keep_their_form() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}
    assert content_of(sound) == [sound]
    assert content_of({"type": "input_audio", "audio_url": "data:audio/x-wav;base64,AAAA"}) == [
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    ]
    assert content_of({"type": "input_video", "video_url": "https://x/y.mp4"}) == [
        {"type": "video_url", "video_url": {"url": "https://x/y.mp4"}}
    ]


@pytest.mark.parametrize(
    ("part", "kind", "member"),
    [
        ({"type": ["text"]}, ErrorKind.MISSING_PARAMETER, "type"),
        ({"text": "a"}, ErrorKind.MISSING_PARAMETER, "type"),
        ({"type": "input_text"}, ErrorKind.MISSING_PARAMETER, "text"),
        ({"type": "input_text", "text": 1}, ErrorKind.INVALID_TYPE, "text"),
        ({"type": "refusal"}, ErrorKind.MISSING_PARAMETER, "refusal"),
        ({"type": "input_image"}, ErrorKind.MISSING_PARAMETER, "image_url"),
        ({"type": "input_image", "image_url": {"url": "x"}}, ErrorKind.INVALID_TYPE, "image_url"),
        ({"type": "input_image", "file_id": "file_1"}, ErrorKind.UNSUPPORTED_VALUE, "file_id"),
        ({"type": "input_image", "image_url": "file:///etc/passwd"}, ErrorKind.INVALID_VALUE, "image_url"),
        ({"type": "input_image", "image_url": "data:text/html,x"}, ErrorKind.INVALID_VALUE, "image_url"),
        ({"type": "input_file"}, ErrorKind.MISSING_PARAMETER, "file_data"),
        ({"type": "input_file", "file_id": "file_1"}, ErrorKind.UNSUPPORTED_VALUE, "file_id"),
        ({"type": "input_file", "file_url": "https://x/y"}, ErrorKind.UNSUPPORTED_VALUE, "file_url"),
        (
            {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERg=="},
            ErrorKind.UNSUPPORTED_VALUE,
            "file_data",
        ),
        ({"type": "input_file", "file_data": "JVBERg=="}, ErrorKind.UNSUPPORTED_VALUE, "file_data"),
        ({"type": "input_file", "file_data": "data:text/plain;base64,%%"}, ErrorKind.INVALID_VALUE, "file_data"),
        ({"type": "input_audio"}, ErrorKind.MISSING_PARAMETER, "input_audio"),
        ({"type": "input_audio", "audio_url": "https://x/y"}, ErrorKind.UNSUPPORTED_VALUE, "audio_url"),
        ({"type": "input_audio", "input_audio": {"data": "A"}}, ErrorKind.MISSING_PARAMETER, "input_audio.format"),
        ({"type": "input_video"}, ErrorKind.MISSING_PARAMETER, "video_url"),
        ({"type": "input_video", "video_url": "file:///x"}, ErrorKind.INVALID_VALUE, "video_url"),
    ],
)
def test_a_part_that_cannot_be_passed_on_is_refused_with_its_place(
    part: JSONObject, kind: ErrorKind, member: str
) -> None:
    with pytest.raises(GatewayError) as caught:
        content_of(text("a"), part)
    assert (caught.value.kind, caught.value.param) == (kind, f"input[0].content[1].{member}")
    assert "passwd" not in caught.value.message


def test_an_unknown_part_is_left_out_and_noted() -> None:
    items = [{"role": "user", "content": [text("a"), {"type": "hologram"}]}]
    plan = plan_of(input=items)
    assert plan.body["messages"][0]["content"] == "a"
    assert plan.dropped == ("input[0].content[1]:hologram",)


def test_an_address_of_an_image_is_a_loss_where_only_data_is_read() -> None:
    quirks = Quirks(images="data")
    assert content_of({"type": "input_image", "image_url": PNG}, quirks=quirks)[0]["image_url"] == {"url": PNG}
    items = [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x/y.png"}]}]
    plan = plan_of(input=items, quirks=quirks)
    assert plan.body["messages"][0]["content"] == ADDRESS_OMITTED
    assert plan.dropped == ("input[0].content[0]:input_image",)


@pytest.mark.parametrize(
    ("data", "name"), [(data_url(b"%PDF", "application/pdf"), None), (base64.b64encode(b"%PDF").decode(), "a.pdf")]
)
def test_a_file_is_a_part_where_files_are_read_and_refused_elsewhere(data: str, name: str | None) -> None:
    file: JSONObject = {"type": "input_file", "file_data": data, "filename": name}
    sent = {"filename": name or "file", "file_data": data_url(b"%PDF", "application/pdf")}
    assert content_of(file, quirks=Quirks(files="file")) == [{"type": "file", "file": sent}]
    with pytest.raises(GatewayError) as caught:
        content_of(file)
    assert caught.value.kind is ErrorKind.UNSUPPORTED_VALUE


def test_a_text_file_is_text_everywhere() -> None:
    file: JSONObject = {"type": "input_file", "file_data": data_url(b"hi", "text/plain"), "filename": "a.txt"}
    assert content_of(file, quirks=Quirks(files="file")) == content_of(file) == "\n[file: a.txt]\nhi\n"
