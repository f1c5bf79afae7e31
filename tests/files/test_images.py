"""Images are written anew in a process of their own: upright, of bounded size, nothing but their pixels."""

import io
import subprocess
import sys
from threading import Event, Thread

import pytest
from PIL import Image

from chatapp.files.errors import ImageInvalid, ImagesBusy, ImageTooLarge, ImageTooSlow
from chatapp.files.images import process, reencoding
from chatapp.files.models import StoredFile
from tests.files.conftest import contents
from tests.files.pictures import CAMERA, PLACE, bomb, photo, picture, polyglot

pytestmark = pytest.mark.one_database

RED, BLUE = (254, 0, 0), (0, 0, 254)


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def is_close(one: tuple, other: tuple) -> bool:
    return all(abs(a - b) < 8 for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (picture("PNG"), "image/png"),
        (picture("JPEG", quality=95), "image/jpeg"),
        (picture("WEBP", lossless=True), "image/jpeg"),
        (picture("GIF"), "image/png"),
        (picture("PNG", mode="P"), "image/png"),
        (picture("PNG", mode="RGBA"), "image/png"),
        (picture("WEBP", mode="RGBA", lossless=True), "image/png"),
        (picture("JPEG", mode="CMYK", quality=95), "image/jpeg"),
    ],
)
def test_an_image_of_any_kind_becomes_one_that_every_model_reads(content, media_type):  # B70
    image = reencoding.reencode(content)
    assert (image.media_type, image.width, image.height) == (media_type, 40, 30)
    shown = opened(image.content)
    assert is_close(shown.getpixel((4, 15)), RED) and is_close(shown.getpixel((35, 15)), BLUE)
    assert opened(image.thumbnail).size == (40, 30)


def test_a_photo_is_upright_smaller_and_tells_nothing(alice, upload, folder):  # B70
    file = upload(alice, photo(), "IMG_0001.jpeg")
    assert (file.width, file.height, file.media_type, file.name) == (1_536, 2_048, "image/jpeg", "IMG_0001.jpeg")
    [thumbnail, content] = sorted(contents(folder), key=len)
    assert (len(content), len(thumbnail)) == (file.size, file.thumbnail_size)
    for stored in (content, thumbnail):
        assert CAMERA.encode() not in stored and PLACE.encode() not in stored and b"Exif" not in stored
    shown = opened(content)
    assert is_close(shown.getpixel((700, 100)), RED), "what was on the left is above"
    assert is_close(shown.getpixel((700, 1_900)), BLUE)
    assert max(opened(thumbnail).size) == 640


def test_of_an_animation_the_first_frame_is_taken():
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:])
    assert opened(reencoding.reencode(target.getvalue()).content).getpixel((4, 4)) == (255, 0, 0)


def test_a_page_behind_an_image_is_gone(alice, upload, folder):
    """A GIF that is a script, too."""
    file = upload(alice, polyglot(), "x.html")
    assert (file.media_type, file.name) == ("image/png", "x.png")
    assert not any(b"script" in stored for stored in contents(folder))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (bomb(), ImageTooLarge),
        (picture("PNG", (64, 64))[:-40], ImageInvalid),
        (picture("JPEG", (64, 64))[:300], ImageInvalid),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 100, ImageInvalid),
        (b"\xff\xd8\xff" + b"<svg onload=alert(1)>", ImageInvalid),
        (b"RIFF\0\0\0\0WEBPVP8 ", ImageInvalid),
        (b"GIF89a" + b"\xff" * 10, ImageInvalid),
    ],
    ids=["bomb", "cut PNG", "cut JPEG", "only a signature", "polyglot JPEG", "empty WebP", "GIF of nothing"],
)
def test_an_image_that_is_refused_leaves_nothing(alice, upload, folder, content, error):  # B69
    assert len(content) < 50_000
    with pytest.raises(error):
        upload(alice, content, "x.png")
    assert not StoredFile.objects.exists()
    assert contents(folder) == []


def test_an_image_that_takes_too_long_is_ended(monkeypatch, tmp_path):
    """The process is killed; the next image has its turn."""
    endless = tmp_path / "endless.py"
    endless.write_text("while True: pass")
    with monkeypatch.context() as patch:
        patch.setattr(reencoding, "PROCESS", endless)
        patch.setattr(reencoding, "SECONDS", 0.2)
        with pytest.raises(ImageTooSlow):
            reencoding.reencode(picture())
    assert reencoding.reencode(picture()).width == 40


def test_a_process_that_dies_is_an_image_that_is_refused(monkeypatch, tmp_path):
    dying = tmp_path / "dying.py"
    dying.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr(reencoding, "PROCESS", dying)
    with pytest.raises(ImageInvalid):
        reencoding.reencode(picture())


def test_the_process_has_no_secrets_and_little_memory(monkeypatch, tmp_path):
    """It is asked from inside: the same limits, another script."""
    asking = tmp_path / "asking.py"
    asking.write_text(
        f"import sys; sys.path.insert(0, {str(reencoding.PROCESS.parent)!r})\n"
        "import io, json, os, process, resource\n"
        "process._result = lambda *a: ({'refused': 'x', 'detail': json.dumps([dict(os.environ),\n"
        "    resource.getrlimit(resource.RLIMIT_AS), resource.getrlimit(resource.RLIMIT_CPU)])},)\n"
        "process.main(1)\n"
    )
    monkeypatch.setenv("SECRET_KEY", "hidden")
    monkeypatch.setattr(reencoding, "PROCESS", asking)
    with pytest.raises(ImageInvalid) as refused:
        reencoding.reencode(picture())
    assert "hidden" not in str(refused.value)
    assert f"[{process.MEMORY_BYTES}, {process.MEMORY_BYTES}], [{process.CPU_SECONDS}, " in str(refused.value)


def test_images_have_their_turn_one_at_a_time(monkeypatch):
    begun, may_end = Event(), Event()

    def run(content):
        begun.set()
        assert may_end.wait(60)
        return subprocess.CompletedProcess([], 1, b"", b"")

    def refused():
        with pytest.raises(ImageInvalid):
            reencoding.reencode(picture())

    monkeypatch.setattr(reencoding, "_run", run)
    first = Thread(target=refused)
    first.start()
    try:
        assert begun.wait(60)
        monkeypatch.setattr(reencoding, "WAIT_SECONDS", 0.0)
        with pytest.raises(ImagesBusy):
            reencoding.reencode(picture())
    finally:
        may_end.set()
        first.join(60)


def test_the_process_imports_nothing_of_the_site():
    code = f"import sys, runpy; sys.argv = ['p', '1']; runpy.run_path({str(reencoding.PROCESS)!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert not {name for name in done.stdout.split() if name.partition(".")[0] in ("django", "chatapp", "runs")}
