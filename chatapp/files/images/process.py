"""The process that writes an image anew: bytes on standard input, a header in JSON and the results on standard output.

It runs as a script, isolated, and imports nothing of the site: whatever an image does to a decoder happens in a process
that has no secrets, little memory and little time. It ends with the image.
"""

import io
import json
import resource
import sys
import warnings
from typing import Any

from PIL import Image, ImageCms, ImageOps

MEMORY_BYTES = 1_200_000_000  # of address space: 50 million pixels, decoded and being turned
CPU_SECONDS = 15  # s
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
LONGEST_SIDE = 2_048  # px; models scale images down to less than that
THUMBNAIL_SIDE = 640  # px; twice what a page shows
QUALITY = 88  # of JPEG
LARGEST_PNG_BYTES = 4_000_000  # of a picture without transparency: a larger one is a photo


def main(most_pixels: int) -> None:
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),  # it writes no file
    ):
        resource.setrlimit(limit, (most, most))
    header, *parts = _result(sys.stdin.buffer.read(), most_pixels)
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n" + b"".join(parts))


def _result(content: bytes, most_pixels: int) -> tuple[Any, ...]:
    """The header and what it announces; of an image that is refused, only the header with the reason."""
    warnings.simplefilter("error")  # a warning of a decoder is an image that is not right
    Image.MAX_IMAGE_PIXELS = most_pixels
    try:
        image, is_photo = _decoded(content)
        main, media_type = _encoded(image, is_photo)
        small = image.copy()
        small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
        thumbnail = _saved(small, "WEBP", quality=80)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError):
        return ({"refused": "too many pixels"},)
    except Exception as error:  # decoders raise anything
        return ({"refused": "invalid", "detail": f"{type(error).__name__}: {error}"[:200]},)
    header = {"media_type": media_type, "width": image.width, "height": image.height, "size": len(main)}
    return header, main, thumbnail


def _decoded(content: bytes) -> tuple[Image.Image, bool]:
    """The picture without anything but its pixels, upright and at most LONGEST_SIDE long; whether it is a photo."""
    image: Image.Image = Image.open(io.BytesIO(content), formats=FORMATS)  # of an animation: the first frame
    is_photo = image.format in ("JPEG", "WEBP")
    if image.format == "JPEG":
        image.draft(None, (LONGEST_SIDE, LONGEST_SIDE))  # decodes to a fraction that is not smaller than this
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode in ("1", "P", "PA"):  # which cannot be scaled smoothly
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return _in_srgb(image), is_photo


def _in_srgb(image: Image.Image) -> Image.Image:
    """The picture in RGB or RGBA, its colours as a screen shows them."""
    profile, has_alpha = image.info.get("icc_profile"), image.has_transparency_data
    if image.mode.startswith("I;16"):
        image = image.point(lambda value: value / 256).convert("L")
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
            image = ImageCms.profileToProfile(image, source, target, outputMode="RGB") or image
        except ImageCms.PyCMSError:
            pass  # a profile that cannot be read is none
    image = image.convert("RGBA" if has_alpha else "RGB")
    image.info = {}  # comments, places, cameras
    return image


def _encoded(image: Image.Image, is_photo: bool) -> tuple[bytes, str]:
    """As JPEG or PNG, which every model server can read."""
    if image.mode == "RGB" and is_photo:
        return _saved(image, "JPEG", quality=QUALITY), "image/jpeg"
    content = _saved(image, "PNG")
    if image.mode == "RGB" and len(content) > LARGEST_PNG_BYTES:
        return _saved(image, "JPEG", quality=QUALITY), "image/jpeg"
    return content, "image/png"


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


if __name__ == "__main__":
    main(int(sys.argv[1]))
