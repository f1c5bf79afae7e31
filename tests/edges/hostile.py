"""What nobody should send, for every place in a request where something can stand.

Values of text are bytes as they go over the line, before percent-encoding. Values of JSON are JSON texts, valid or not.
"""

from urllib.parse import quote

HUGE = b"9" * 5000  # more digits than Python turns into a number (4,300)

TEXTS: dict[str, bytes] = {
    "empty": b"",
    "blanks": b" \t\n ",
    "NUL": b"a\0b",
    "half a character": b"a\xed\xa0\x80b",  # U+D800 as UTF-8 would have it
    "not UTF-8": b"\xff\xfe\x80",
    "overlong UTF-8": b"\xc0\xaf\xc0\x80",
    "right to left, zero width": "\u202eabc\u200b\u2066\ufeff".encode(),
    "no character": "\ufffe\uffff\U0010ffff".encode(),
    "line breaks": b"a\r\nSet-Cookie: b=1\r\n\r\nc",
    "control characters": b"\x01\x1b[31m\x7f\x85",
    "a path": b"../../../etc/passwd",
    "markup": b"<script>alert(1)</script>\"'>",
    "a template": b"{{ 7*7 }}{% debug %}%s%(a)s{0}{a.b}",
    "SQL": b"' OR 1=1; --",
    "percent encoded again": b"%00%ed%a0%80%2e%2e%2f",
    "zero": b"0",
    "minus one": b"-1",
    "2^31": b"2147483648",
    "2^63": b"9223372036854775808",
    "-2^63-1": b"-9223372036854775809",
    "2^64": b"18446744073709551616",
    "5,000 digits": HUGE,
    "1e400": b"1e400",
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "other digits": "١٢٣²".encode(),
    "true": b"true",
    "null": b"null",
    "[]": b"[]",
    "{}": b"{}",
    "the last day": b"9999-12-31T23:59:59",
    "the last day, in a zone": b"9999-12-31T23:59:59-23:59",
    "no day": b"0000-00-00T00:00:00",
    "the first day": b"0001-01-01T00:00:00+23:59",
    "no time": b"25:61",
    "no zone": b"Mars/Olympus",
    "a zone's file": b"../etc/localtime",
    "a uuid without dashes": b"0198c0de5d1e7c3a9a515a3c2f6f9a10",
    "a uuid in braces": b"{0198c0de-5d1e-7c3a-9a51-5a3c2f6f9a10}",
    "a uuid as URN": b"urn:uuid:0198C0DE-5D1E-7C3A-9A51-5A3C2F6F9A10",
    "an address": b"//evil.example/a",
    "70,000 characters": b"x" * 70_000,
    "70,000 wide characters": "\U0001f9d1".encode() * 17_500,
}
PATHS = {name: quote(value, safe="") for name, value in TEXTS.items() if 0 < len(value) < 6_000}
PATHS |= {"a broken escape": "%zz%", "slashes": "a/b//c", "dots": "..", "semicolon": ";a=b", "encoded slash": "%2F%5C"}

JSON_TEXTS: dict[str, str] = {
    "half a character": '"a\\ud800b"',
    "the other half": '"\\udc00"',
    "halves in the wrong order": '"\\udc00\\ud800"',
    "NUL": '"a\\u0000b"',
    "empty": '""',
    "blanks": '" \\n\\t "',
    "control characters": '"\\u0001\\u001b[31m\\u007f"',
    "no character": '"\\uffff\\ufdd0"',
    "right to left": '"\\u202eabc\\u200b"',
    "line breaks": '"a\\r\\nSet-Cookie: b=1"',
    "markup": '"<script>alert(1)</script>"',
    "a template": '"%s%(a)s{0}{{ 7*7 }}"',
    "a number as text": '"9223372036854775808"',
    "digits as text": f'"{HUGE.decode()}"',
    "the last day": '"9999-12-31T23:59:59-23:59"',
    "no day": '"0000-00-00T00:00:00Z"',
    "no time": '"25:61"',
    "no zone": '"Mars/Olympus"',
    "a path": '"../../../etc/passwd"',
    "a uuid as URN": '"urn:uuid:0198c0de-5d1e-7c3a-9a51-5a3c2f6f9a10"',
    "70,000 characters": f'"{"x" * 70_000}"',
    "null": "null",
    "true": "true",
    "false": "false",
    "zero": "0",
    "minus one": "-1",
    "minus zero": "-0.0",
    "a fraction": "1.5",
    "2^31": "2147483648",
    "2^63": "9223372036854775808",
    "-2^63-1": "-9223372036854775809",
    "2^64": "18446744073709551616",
    "400 digits": "9" * 400,
    "5,000 digits": HUGE.decode(),
    "1e400": "1e400",
    "-1e400": "-1e400",
    "1e-400": "1e-400",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "an empty array": "[]",
    "an empty object": "{}",
    "an array of arrays": "[[[]]]",
    "an array of null": "[null]",
    "an array of text": '["a", "\\u0000"]',
    "an object": '{"a": 1}',
    "an object with a half character for a name": '{"\\ud800": "\\ud800"}',
    "an object with NUL for a name": '{"a\\u0000": "\\u0000"}',
    "the same name twice": '{"a": 1, "a": {"a": 1, "a": "2"}}',
    "90 deep": "[" * 90 + "]" * 90,
    "600 deep": "[" * 600 + "]" * 600,
    "1,000 deep": "[" * 1000 + "]" * 1000,
    "600 objects deep": '{"a":' * 600 + "1" + "}" * 600,
    "100,000 deep": "[" * 100_000 + "]" * 100_000,
    "an array of 100,000": "[" + ",".join(["1"] * 100_000) + "]",
    "an array of 20,000 objects": "[" + ",".join(['{"type":"text"}'] * 20_000) + "]",
}
BODIES: dict[str, bytes] = {  # in the place of a whole body of JSON
    **{f"only {name}": value.encode() for name, value in JSON_TEXTS.items()},
    "nothing": b"",
    "half an object": b'{"text": "hel',
    "not JSON": b"hello",
    "not UTF-8": b'{"text": "\xff\xed\xa0\x80"}',
    "UTF-16": '{"text": "a"}'.encode("utf-16"),
    "UTF-32": '{"text": "a"}'.encode("utf-32"),
    "a byte order mark": b'\xef\xbb\xbf{"text": "a"}',
    "raw NUL": b'{"text": "a\0b"}\0',
    "two objects": b"{}{}",
    "half of 100,000 deep": b"[" * 100_000,
    "half of 100,000 objects deep": b'{"a":' * 100_000,
}

HEADERS: dict[str, bytes] = {
    "empty": b"",
    "latin": b"\xe9\xff\x80",
    "half a character": b"\xed\xa0\x80",
    "wide": "\U0001f9d1\u202e".encode(),
    "control characters": b"a\x01\x1b\x7f",
    "2^63": b"9223372036854775808",
    "minus one": b"-1",
    "5,000 digits": HUGE,
    "other digits": "²٣".encode(),
    "an open quote": b'W/"',
    "a star": b"*",
    "commas": b",,;;==,;q=1e400,*/*;q=NaN",
    "a path": b"../../etc/passwd%00",
    "percent encoded": b"%00%ed%a0%80%0d%0a",
    "no zone": b"Mars/Olympus",
    "7,000 characters": b"x" * 7_000,
    "a date": b"Sun, 31 Dec 9999 23:59:61 -9999",
    "ranges": b"bytes=0-99999999999999999999,-1",
    "a URL": b"http://[::1/\\@evil.example:99999999/%zz",
}
CONTENT_TYPES: dict[str, bytes] = {
    "empty": b"",
    "garbage": b"\xff/;=;;charset",
    "no such charset": b"application/json; charset=klingon",
    "a codec that is none": b"application/json; charset=hex",
    "UTF-7": b"application/json; charset=utf-7",
    "UTF-16 form": b"application/x-www-form-urlencoded; charset=utf-16",
    "a form in no charset": b"application/x-www-form-urlencoded; charset=\xff",
    "multipart without boundary": b"multipart/form-data",
    "multipart with an empty boundary": b"multipart/form-data; boundary=",
    "multipart with a wide boundary": "multipart/form-data; boundary=ü".encode(),
    "multipart with a long boundary": b"multipart/form-data; boundary=" + b"b" * 300,
    "multipart with a star": b"multipart/form-data; boundary*=utf-8''%ff",
    "multipart of another kind": b"multipart/mixed; boundary=b",
    "text": b"text/plain",
    "anything": b"*/*",
}
HOSTS: dict[str, bytes] = {
    "empty": b"",
    "another": b"evil.example",
    "with a path": b"127.0.0.1/../x",
    "two ports": b"127.0.0.1:80:80",
    "a large port": b"127.0.0.1:99999999999",
    "no port": b"127.0.0.1:abc",
    "not ASCII": b"\xff\xfe.example",
    "half an IPv6 address": b"[::1",
    "a user": b"alice@127.0.0.1",
}


def _part(head: bytes, body: bytes) -> bytes:
    return b"--b\r\n" + head + b"\r\n\r\n" + body + b"\r\n"


def _file(name: bytes, kind: bytes = b"text/plain", body: bytes = b"hello", more: bytes = b"") -> bytes:
    head = b'Content-Disposition: form-data; name="%b"; filename="%b"\r\nContent-Type: %b%b'
    return _part(head % (b"files", name, kind, more), body) + _END


_FIELD = b'Content-Disposition: form-data; name="%b"'
_END = b"--b--\r\n"
_TEXT = _part(_FIELD % b"text", b"hello")
MULTIPART: dict[str, bytes] = {
    **{f"a file called {name}": _TEXT + _file(value) for name, value in TEXTS.items() if b"\r" not in value},
    **{f"a file of type {name}": _TEXT + _file(b"a", value) for name, value in CONTENT_TYPES.items()},
    **{f"a field of {name}": _part(_FIELD % b"text", value) for name, value in TEXTS.items()},
    **{f"a name of {name}": _part(_FIELD % value, b"x") for name, value in TEXTS.items()},
    "nothing": b"",
    "no end": b"--b",
    "half a head": b"--b\r\nContent-Disposition: form-data; na",
    "no disposition": _part(b"X: y", b"x") + _END,
    "a head of 20,000": _part(b"Content-Disposition: form-data; name=" + b"n" * 20_000, b"x") + _END,
    "no base64": _TEXT + _file(b"a", more=b"\r\nContent-Transfer-Encoding: base64", body=b"!!!!"),
    "half of base64": _TEXT + _file(b"a", more=b"\r\nContent-Transfer-Encoding: base64", body=b"abc"),
    "a field in no base64": _part(
        b'Content-Disposition: form-data; name="text"\r\nContent-Transfer-Encoding: base64', b"\xff!"
    ),
    "a file name in no charset": _part(
        b"Content-Disposition: form-data; name=\"files\"; filename*=klingon''%ff", b"x"
    ),
    "a file name in Unicode's halves": _part(
        b"Content-Disposition: form-data; name=\"files\"; filename*=utf-8''%ed%a0%80%00", b"x"
    ),
    "a file that is not UTF-8": _TEXT + _file(b"a", body=b"\xff\xfe\x00\xd8"),
    "a file with NUL": _TEXT + _file(b"a", body=b"a\0b"),
    "an empty file": _TEXT + _file(b"a", body=b""),
    "200 files": _file(b"a").removesuffix(_END) * 200 + _END,
    "2,000 fields": _part(_FIELD % b"a", b"x") * 2_000 + _END,
    "the same boundary inside": _part(_FIELD % b"text", b"--b\r\n\r\n--b--") + _END,
}  # fmt: skip
FORMS: dict[str, bytes] = {  # in the place of a whole form
    "nothing": b"",
    "2,000 fields": b"&".join(b"a=b" for _ in range(2_000)),
    "a name of NUL": b"%00=%00&a%00b=1",
    "a name that is not UTF-8": b"%ff=%ed%a0%80&\xff=\xff",
    "no names": b"=&=&==&&&",
    "broken escapes": b"text=%&text=%z&text=%1",
    "JSON": b'{"text": "hello"}',
}
