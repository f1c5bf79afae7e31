"""The colours of both themes can be told apart (WCAG 2.2, 1.4.3 and 1.4.11)."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders

TEXT, CONTROL = 4.5, 3.0  # the least contrast
PAIRS = [
    *[(ink, ground, TEXT) for ink in ("ink", "ink-soft") for ground in ("paper", "surface", "raised", "bad-surface")],
    *[("accent", ground, TEXT) for ground in ("paper", "surface", "raised")],
    *[("bad", ground, TEXT) for ground in ("surface", "raised", "bad-surface")],
    *[("on-accent", ground, TEXT) for ground in ("accent", "accent-strong")],
    *[(f"code-{part}", "surface", TEXT) for part in ("keyword", "string", "number", "name", "comment")],
    *[("edge", ground, CONTROL) for ground in ("paper", "raised")],
]


def themes() -> dict[str, dict[str, str]]:
    css = Path(finders.find("shell/tokens.css")).read_text()
    pairs = re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", css)
    light, dark = {name: light for name, light, _ in pairs}, {name: dark for name, _, dark in pairs}
    return {"light": light, "dark": dark}


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_and_control_stands_out(theme):
    colours = themes()[theme]
    for front, back, least in PAIRS:
        darker, lighter = sorted((luminance(colours[front]), luminance(colours[back])))
        assert (lighter + 0.05) / (darker + 0.05) >= least, f"{front} on {back}"
