"""The codings, step by step; over sockets they are in tests/faults/test_bodies.py."""

import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
from backports import zstd

from gateway.errors import ErrorKind, GatewayError
from gateway.web.body import _STEP_BYTES, _decoder

DATA = b"some text, " * 100_000


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


CODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "identity": ("identity", bytes),
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZIP", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "deflate without a header": ("deflate", raw_deflate),
    "zstd": (" zstd ", zstd.compress),
    "br": ("br", brotli.compress),
}


def decoded(coding: str, data: bytes, split: int) -> list[bytes]:
    decoder = _decoder([coding] if coding else [])
    pieces: list[bytes] = []
    for at in range(0, len(data), split):
        pieces.extend(decoder.feed(data[at : at + split]))
    decoder.finish()
    return pieces


@pytest.mark.parametrize(("coding", "compress"), CODINGS.values(), ids=CODINGS.keys())
@pytest.mark.parametrize("split", [2, 1000, 10_000_000])
def test_any_split_gives_the_same_bytes(coding: str, compress: Callable[[bytes], bytes], split: int) -> None:
    data = DATA if split > 2 else DATA[:3000]
    assert b"".join(decoded(coding, compress(data), split)) == data


@pytest.mark.parametrize(("coding", "compress"), list(CODINGS.values())[1:], ids=list(CODINGS)[1:])
def test_a_step_is_bounded(coding: str, compress: Callable[[bytes], bytes]) -> None:
    pieces = decoded(coding, compress(bytes(10_000_000)), 10_000_000)
    assert sum(map(len, pieces)) == 10_000_000
    assert max(map(len, pieces)) <= _STEP_BYTES * 2


@pytest.mark.parametrize("size", [_STEP_BYTES, 2 * _STEP_BYTES, 2 * _STEP_BYTES + 1])
def test_a_body_of_whole_steps_has_its_end(size: int) -> None:
    for coding, compress in CODINGS.values():
        assert sum(map(len, decoded(coding, compress(bytes(size)), 7))) == size


@pytest.mark.parametrize(("coding", "compress"), list(CODINGS.values())[1:], ids=list(CODINGS)[1:])
@pytest.mark.parametrize("damage", ["cut", "more", "more later", "changed"])
def test_damage_is_refused(coding: str, compress: Callable[[bytes], bytes], damage: str) -> None:
    whole = compress(DATA)
    body = {"cut": whole[:-1], "changed": whole[:10] + b"\xff\xff\xff\xff" + whole[14:]}.get(damage, whole + b"more")
    with pytest.raises(GatewayError) as caught:
        decoded(coding, body, len(whole) if damage == "more later" else len(body))
    assert caught.value.kind is ErrorKind.INVALID_JSON


@pytest.mark.parametrize("codings", [["gzip", "gzip"], ["gzip, br"], ["compress"], ["*"]])
def test_other_codings_and_several_are_refused(codings: list[str]) -> None:
    with pytest.raises(GatewayError) as caught:
        _decoder(codings)
    assert caught.value.kind is ErrorKind.UNSUPPORTED_MEDIA_TYPE


def test_no_coding_and_an_empty_one_mean_none() -> None:
    assert list(_decoder([]).feed(b"a")) == list(_decoder([""]).feed(b"a")) == [b"a"]
