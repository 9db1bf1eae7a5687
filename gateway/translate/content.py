"""Content parts of the Responses API become content of Chat messages: text stays text, images stay images.

Nothing is ever fetched: an address is only passed on. What cannot be passed on is refused with its place.
"""

import base64
import binascii
import mimetypes
import re
from collections.abc import Callable
from typing import NoReturn

from msgspec import Struct

from gateway.codec.json import JSONObject, convert
from gateway.errors import ErrorKind, GatewayError
from gateway.settings import Quirks
from gateway.spec.parts import AudioPart, FilePart, ImagePart, RefusalPart, TextPart, VideoPart
from gateway.translate.losses import Losses
from gateway.translate.sealed import Unseal

Part = str | JSONObject
"""A text, or a part of a Chat message that is none."""

IMAGE_OMITTED = "[image omitted: the model takes no images]"
ADDRESS_OMITTED = "[image omitted: the model cannot open addresses]"

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)
_TEXT_TYPES = re.compile(
    r"text/.*|application/(?:.*\+)?(?:json|xml|yaml)|application/(?:x-)?(?:yaml|toml|javascript|sh|ndjson|sql|typescript)",
    re.IGNORECASE,
)
_IMAGE_URL = re.compile(r"https?://|data:image/", re.IGNORECASE)
_VIDEO_URL = re.compile(r"https?://|data:video/", re.IGNORECASE)
_DETAILS = {"low": "low", "high": "high", "original": "high"}
"""`auto` is the default everywhere, and some upstreams refuse the member."""


class Rules(Struct, frozen=True):
    """What the reading of content depends on; without `unseal` nothing that is sealed can be opened."""

    quirks: Quirks
    losses: Losses
    unseal: Unseal | None = None


def read_content(content: str | list[JSONObject] | None, at: str, rules: Rules) -> list[Part]:
    """The parts of a message or of a tool's output; `at` is the place of the list."""
    if isinstance(content, str):
        return [content] if content else []
    parts: list[Part] = []
    for index, part in enumerate(content or []):
        read = _read_part(part, f"{at}[{index}]", rules)
        if read:
            parts.append(read)
    return parts


def text_of(parts: list[Part]) -> str:
    """The text of the parts; parts of one message follow each other without a separator."""
    return "".join([part for part in parts if isinstance(part, str)])


def media_of(parts: list[Part]) -> list[JSONObject]:
    """The parts that are no text."""
    return [part for part in parts if not isinstance(part, str)]


def chat_content(parts: list[Part]) -> str | list[JSONObject]:
    """One string where all is text, since many chat templates take nothing else."""
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) == len(parts):
        return "".join(texts)
    return [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]


def _read_part(part: JSONObject, at: str, rules: Rules) -> Part | None:
    kind = part.get("type")
    if not isinstance(kind, str):
        raise GatewayError(ErrorKind.MISSING_PARAMETER, f"Missing required parameter: '{at}.type'.", f"{at}.type")
    if kind in _TEXTS:
        return convert(part, TextPart, at).text
    read = _READERS.get(kind)
    if read is None:
        rules.losses.note(at, kind)
        return None
    return read(part, at, rules)


def _refusal(part: JSONObject, at: str, _rules: Rules) -> Part:
    return convert(part, RefusalPart, at).refusal


def _image(part: JSONObject, at: str, rules: Rules) -> Part:
    image = convert(part, ImagePart, at)
    if image.image_url is None:
        _refuse_reference("file_id" if image.file_id is not None else "image_url", at, is_missing=image.file_id is None)
    _check_address(image.image_url, _IMAGE_URL, f"{at}.image_url")
    if rules.quirks.images == "none":
        rules.losses.note(at, "input_image")
        return IMAGE_OMITTED
    if rules.quirks.images == "data" and image.image_url[:5].lower() != "data:":
        rules.losses.note(at, "input_image")
        return ADDRESS_OMITTED
    source: JSONObject = {"url": image.image_url}
    if image.detail in _DETAILS:
        source["detail"] = _DETAILS[image.detail]
    return {"type": "image_url", "image_url": source}


def _file(part: JSONObject, at: str, rules: Rules) -> Part:
    file = convert(part, FilePart, at)
    if file.file_data is None:
        given = next((name for name in ("file_url", "file_id") if getattr(file, name) is not None), None)
        _refuse_reference(given or "file_data", at, is_missing=given is None)
    if rules.quirks.files == "file" and not _TEXT_TYPES.fullmatch(_file_type(file.file_data, file.filename)):
        return _file_part(file.file_data, file.filename)
    text = _text_of_file(file.file_data, file.filename, f"{at}.file_data")
    return f"\n[file: {file.filename}]\n{text}\n" if file.filename else f"\n{text}\n"


def _file_type(data: str, filename: str | None) -> str:
    url = _DATA_URL.match(data)
    return url.group(1) if url else mimetypes.guess_type(filename or "")[0] or ""


def _file_part(data: str, filename: str | None) -> Part:
    """A file as Chat has it: always as a data URL."""
    if not _DATA_URL.match(data):
        data = f"data:{_file_type(data, filename) or 'application/octet-stream'};base64,{data}"
    return {"type": "file", "file": {"filename": filename or "file", "file_data": data}}


def _text_of_file(data: str, filename: str | None, at: str) -> str:
    """The text of a file that has one; anything else would reach the model as noise."""
    url = _DATA_URL.match(data)
    if not _TEXT_TYPES.fullmatch(_file_type(data, filename)):
        message = f"'{at}' is no text file; only files with a text type can be passed on."
        raise GatewayError(ErrorKind.UNSUPPORTED_VALUE, message, at)
    try:
        content = base64.b64decode(data[url.end() if url else 0 :], validate=True)
    except binascii.Error:
        raise GatewayError(ErrorKind.INVALID_VALUE, f"'{at}' is not valid base64.", at) from None
    return content.decode("utf-8", "replace")


def _audio(part: JSONObject, at: str, _rules: Rules) -> Part:
    audio = convert(part, AudioPart, at)
    if audio.input_audio is not None:
        return _audio_part(audio.input_audio.data, audio.input_audio.format)
    url = _DATA_URL.match(audio.audio_url or "")
    if audio.audio_url is None or url is None or not url.group(1).lower().startswith("audio/"):
        _refuse_reference("audio_url" if audio.audio_url else "input_audio", at, is_missing=not audio.audio_url)
    kind = url.group(1).lower().removeprefix("audio/").removeprefix("x-")
    return _audio_part(audio.audio_url[url.end() :], {"mpeg": "mp3", "wave": "wav"}.get(kind, kind))


def _audio_part(data: str, audio_format: str) -> JSONObject:
    return {"type": "input_audio", "input_audio": {"data": data, "format": audio_format}}


def _video(part: JSONObject, at: str, _rules: Rules) -> Part:
    video = convert(part, VideoPart, at)
    _check_address(video.video_url, _VIDEO_URL, f"{at}.video_url")
    return {"type": "video_url", "video_url": {"url": video.video_url}}


def _check_address(url: str, allowed: re.Pattern[str], param: str) -> None:
    """An upstream may open `file:` addresses of its own machine: they never leave here."""
    if not allowed.match(url):
        message = f"'{param}' must be an http(s) address or a data URL of the right type."
        raise GatewayError(ErrorKind.INVALID_VALUE, message, param)


def _refuse_reference(name: str, at: str, *, is_missing: bool) -> NoReturn:
    param = f"{at}.{name}"
    if is_missing:
        raise GatewayError(ErrorKind.MISSING_PARAMETER, f"Missing required parameter: '{param}'.", param)
    message = f"'{param}' is not supported: send the content itself as a data URL."
    raise GatewayError(ErrorKind.UNSUPPORTED_VALUE, message, param)


_TEXTS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})

_READERS: dict[str, Callable[[JSONObject, str, Rules], Part]] = {
    "refusal": _refusal,
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
    "input_video": _video,
}
