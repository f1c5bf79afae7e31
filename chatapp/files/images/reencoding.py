"""Images of users, written anew: only their pixels are kept, upright and of bounded size (B70)."""

import json
import logging
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from chatapp.files.errors import ImageInvalid, ImagesBusy, ImageTooLarge, ImageTooSlow

logger = logging.getLogger(__name__)

PROCESS = Path(__file__).with_name("process.py")
SECONDS = 40.0  # s for one image; its process limits its own CPU time before
WAIT_SECONDS = 60.0  # s for images of others
SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")

_one_at_a_time = threading.Semaphore()  # a process's: each takes much memory, and streaming comes first


class Image(NamedTuple):
    content: bytes
    media_type: str
    width: int  # px
    height: int  # px
    thumbnail: bytes  # WebP


def is_image(head: bytes) -> bool:
    """Whether a content that begins so is an image of a kind that can be read, or claims to be one."""
    return head.startswith(SIGNATURES) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP")


def reencode(content: bytes) -> Image:
    """The image written anew, in a process of its own. It blocks: never call it in an event loop.

    Raises ImageInvalid, ImageTooLarge, ImageTooSlow or ImagesBusy.
    """
    if not _one_at_a_time.acquire(timeout=WAIT_SECONDS):
        raise ImagesBusy
    try:
        done = _run(content)
    finally:
        _one_at_a_time.release()
    line, _, parts = done.stdout.partition(b"\n")
    if done.returncode or not line:
        logger.warning("an image ended its process (%d): %s", done.returncode, done.stderr[-500:])
        raise ImageInvalid
    header = json.loads(line)
    if reason := header.get("refused"):
        raise ImageTooLarge if reason == "too many pixels" else ImageInvalid(header.get("detail", ""))
    size = header.pop("size")
    return Image(content=parts[:size], thumbnail=parts[size:], **header)


def _run(content: bytes) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-I", str(PROCESS), str(settings.IMAGE_MAX_PIXELS)]
    try:
        return subprocess.run(command, input=content, capture_output=True, timeout=SECONDS, env={}, check=False)
    except subprocess.TimeoutExpired:
        raise ImageTooSlow from None
