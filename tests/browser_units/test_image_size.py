"""The page reads the size of an image from its first bytes, as Pillow reads it from all."""

import base64
import json
import subprocess
from pathlib import Path

from tests.files.pictures import bomb, photo, picture

SIZES = Path(__file__).parent / "sizes.mjs"


def test_pixels_are_read_from_the_beginning_of_a_file(node):  # B70
    kinds = [("PNG", {}), ("GIF", {}), ("JPEG", {}), ("JPEG", {"progressive": True})]
    kinds += [("WEBP", {"lossless": True}), ("WEBP", {"quality": 50}), ("WEBP", {"mode": "RGBA", "quality": 50})]
    images = [picture(kind, size=(301, 207), **options) for kind, options in kinds]
    expected = [301 * 207] * len(images) + [4_000 * 3_000, 20_000 * 20_000, 0, 0, 0]
    images += [photo(), bomb(), picture()[:15], b"", b"text"]
    encoded = json.dumps([base64.b64encode(image).decode() for image in images])
    done = subprocess.run([node, SIZES], input=encoded, capture_output=True, text=True, timeout=60)
    assert (json.loads(done.stdout or "null"), done.stderr) == (expected, "")
