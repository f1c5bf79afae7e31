"""Images to send: right ones, and each thing that is wrong with others."""

import io
import struct
import zlib
from functools import cache

from PIL import Image, TiffImagePlugin

CAMERA, PLACE = "Camera of alice", "at home"


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: object) -> bytes:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, "red")
    image.paste("blue", (size[0] // 2, 0, *size))
    target = io.BytesIO()
    image = image.convert(mode)
    if mode == "RGBA":
        image.putalpha(200)
    image.save(target, kind, **options)
    return target.getvalue()


def photo() -> bytes:
    """As a phone takes it: lying on its side, with its camera, its place and a preview."""
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned right by a quarter
    exif[0x010F] = CAMERA
    exif.get_ifd(0x8825).update({1: "N", 2: tuple(map(TiffImagePlugin.IFDRational, (48, 12, 30))), 29: PLACE})
    return picture("JPEG", (4_000, 3_000), exif=exif, comment=PLACE.encode())


@cache  # 50 MB of nothing are packed
def bomb(side: int = 20_000) -> bytes:
    """A PNG of 400 million pixels in 48 kB."""
    packer = zlib.compressobj(9)
    row = b"\0" * (side // 8 + 1)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def polyglot() -> bytes:
    """A picture that is a page, too."""
    return picture("GIF") + b"<script>alert(1)</script>"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
