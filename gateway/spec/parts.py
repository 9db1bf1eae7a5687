"""The content parts of input items, typed. Words only; `gateway.translate.content` gives them their meaning."""

from typing import Annotated

from msgspec import Meta, Struct


class TextPart(Struct, frozen=True):
    """`input_text`, `output_text`, `text`, `summary_text`, `reasoning_text`: annotations are often missing."""

    text: str


class RefusalPart(Struct, frozen=True):
    """`refusal`."""

    refusal: str


class ImagePart(Struct, frozen=True):
    """`input_image`."""

    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None


class FilePart(Struct, frozen=True):
    """`input_file`."""

    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None


class AudioData(Struct, frozen=True):
    """The recording of an `input_audio` part."""

    data: Annotated[str, Meta(min_length=1)]
    format: Annotated[str, Meta(pattern=r"^[a-z0-9]{1,16}$")]


class AudioPart(Struct, frozen=True):
    """`input_audio`; Codex writes `audio_url`."""

    input_audio: AudioData | None = None
    audio_url: str | None = None


class VideoPart(Struct, frozen=True):
    """`input_video`."""

    video_url: str
