"""Images in answers: data URIs or base64, in `images` beside the text or as parts of it.

Addresses are passed over: nothing that a model names is fetched (B71).
"""

from collections.abc import Iterator
from typing import Any

MAX_IMAGES = 8  # of an answer
MAX_CHARACTERS = 32_000_000  # of the images of an answer in base64, which are in memory until it has ended
PART_TYPES = {"image", "image_url", "output_image", "input_image", "image_generation_call"}
ADDRESSES = ("image_url", "url")  # members that may be an address
CONTENTS = ("b64_json", "image_base64", "data", "result")  # members that are base64, or an object around it
WRAPPERS = ("source", "inline_data", "inlineData", "image")
DATA = "data:"
MAX_DEPTH = 3


def images_in(value: object) -> Iterator[str]:
    """The images of one part, or of a list of parts, as data URIs or base64."""
    for item in (value if isinstance(value, list) else [value])[:MAX_IMAGES]:
        if (image := _image_in(item, 0)) is not None:
            yield image


def _image_in(item: object, depth: int) -> str | None:
    if isinstance(item, str):
        return item if item.startswith(DATA) else None
    if not isinstance(item, dict) or depth > MAX_DEPTH:
        return None
    return _content_in(item) or next(
        (found for name in (*ADDRESSES, *WRAPPERS) if (found := _image_in(item.get(name), depth + 1))), None
    )


def _content_in(item: dict[str, Any]) -> str | None:
    return next((value for name in CONTENTS if isinstance(value := item.get(name), str) and value), None)
