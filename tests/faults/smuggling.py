"""Requests that two servers could read differently, each with a second one inside that must never be answered."""

from tests.fakes.local_gateway import KEY

POST = b"POST /v1/responses HTTP/1.1\r\n"
HOST = b"Host: gateway\r\n"
AUTH = b"Authorization: Bearer " + KEY.encode() + b"\r\n"
HEAD = POST + HOST + AUTH
SECOND = b"GET /v1/models HTTP/1.1\r\n" + HOST + AUTH + b"\r\n"
"""What a smuggler hides in a body; it must never be answered."""

CHUNKED_SECOND = b"0\r\n\r\n" + SECOND

SMUGGLING = {
    "length and chunked": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED_SECOND,
    "chunked and length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + CHUNKED_SECOND,
    "two lengths": HEAD + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + SECOND,
    "the same length twice": HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde" + SECOND,
    "lengths in a list": HEAD + b"Content-Length: 5, 5\r\n\r\nabcde" + SECOND,
    "signed length": HEAD + b"Content-Length: +5\r\n\r\nabcde" + SECOND,
    "negative length": HEAD + b"Content-Length: -5\r\n\r\nabcde" + SECOND,
    "length in hexadecimal": HEAD + b"Content-Length: 0x5\r\n\r\nabcde" + SECOND,
    "length with underscore": HEAD + b"Content-Length: 1_0\r\n\r\nabcdeabcde" + SECOND,
    "length of other digits": HEAD + b"Content-Length: \xd9\xa5\r\n\r\nabcde" + SECOND,
    "empty length": HEAD + b"Content-Length:\r\n\r\n" + SECOND,
    "length with a space inside": HEAD + b"Content-Length: 1 0\r\n\r\nabcdeabcde" + SECOND,
    "length as a fraction": HEAD + b"Content-Length: 5.0\r\n\r\nabcde" + SECOND,
    "huge length": HEAD + b"Content-Length: 99999999999999999999\r\n\r\n" + SECOND,
    "unknown coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKED_SECOND,
    "identity coding": HEAD + b"Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nabcde" + SECOND,
    "chunked twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED_SECOND,
    "chunked in a list twice": HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + CHUNKED_SECOND,
    "chunked not last": HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n" + CHUNKED_SECOND,
    "chunked with a tail": HEAD + b"Transfer-Encoding: chunked;x=1\r\n\r\n" + CHUNKED_SECOND,
    "chunked in quotes": HEAD + b'Transfer-Encoding: "chunked"\r\n\r\n' + CHUNKED_SECOND,
    "chunked after vertical tab": HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNKED_SECOND,
    "coding before colon space": HEAD + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNKED_SECOND,
    "length before colon space": HEAD + b"Content-Length : 5\r\n\r\nabcde" + SECOND,
    "folded coding": HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNKED_SECOND,
    "folded header": HEAD + b"X-A: 1\r\n folded\r\n\r\n" + SECOND,
    "header without colon": HEAD + b"Nothing\r\n\r\n" + SECOND,
    "header without name": HEAD + b": value\r\n\r\n" + SECOND,
    "space in a header's name": HEAD + b"Content Length: 5\r\n\r\nabcde" + SECOND,
    "null in a header's name": HEAD + b"X\x00A: 1\r\n\r\n" + SECOND,
    "null in a header's value": HEAD + b"X-A: 1\x002\r\n\r\n" + SECOND,
    "carriage return in a value": HEAD + b"X-A: 1\r2\r\n\r\n" + SECOND,
    "line feeds alone": HEAD.replace(b"\r\n", b"\n") + b"Content-Length: 5\n\nabcde" + SECOND,
    "line feed inside": HEAD + b"X-A: 1\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED_SECOND,
    "space before the first header": POST + b" X-A: 1\r\n" + HOST + AUTH + b"\r\n" + SECOND,
    "no host": POST + AUTH + b"Content-Length: 0\r\n\r\n" + SECOND,
    "two hosts": HEAD + b"Host: other\r\nContent-Length: 0\r\n\r\n" + SECOND,
    "chunk size signed": HEAD + b"Transfer-Encoding: chunked\r\n\r\n+5\r\nabcde\r\n" + CHUNKED_SECOND,
    "chunk size prefixed": HEAD + b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n" + CHUNKED_SECOND,
    "chunk size negative": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nabcde\r\n" + CHUNKED_SECOND,
    "chunk size with underscore": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1_0\r\nabcde\r\n" + CHUNKED_SECOND,
    "chunk size empty": HEAD + b"Transfer-Encoding: chunked\r\n\r\n\r\nabcde\r\n" + CHUNKED_SECOND,
    "chunk size too large": HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc\r\n" + CHUNKED_SECOND,
    "chunk without its end": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcdeXX" + CHUNKED_SECOND,
    "chunk ended by line feed": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\nabcde\n0\n\n" + SECOND,
    "chunk extension with line feed": HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nabcde\r\n" + CHUNKED_SECOND,
    "tab before the version": b"POST /v1/responses\tHTTP/1.1\r\n" + HOST + AUTH + b"\r\n" + SECOND,
    "version 9": b"POST /v1/responses HTTP/9.1\r\n" + HOST + AUTH + b"\r\n" + SECOND,
    "version without digits": b"POST /v1/responses HTTP/x\r\n" + HOST + AUTH + b"\r\n" + SECOND,
    "version too long": b"POST /v1/responses HTTP/1.10\r\n" + HOST + AUTH + b"\r\n" + SECOND,
    "no version": b"POST /v1/responses\r\n" + HOST + AUTH + b"\r\n" + SECOND,
    "no method": b" /v1/responses HTTP/1.1\r\n" + HOST + AUTH + b"\r\n" + SECOND,
    "odd method": b"PO ST /v1/responses HTTP/1.1\r\n" + HOST + AUTH + b"\r\n" + SECOND,
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SECOND,
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "null bytes": bytes(100) + b"\r\n\r\n" + SECOND,
}
