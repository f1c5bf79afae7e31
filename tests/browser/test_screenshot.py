"""The README's screenshot, taken of real pages.

It is kept with `SCREENSHOTS=1 pytest tests/browser/test_screenshot.py`; other test runs do not change the tree.
"""

import os
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model

from runs.models import Model
from tests.browser.window import expect
from tests.harness.check import wait_for_end
from tests.harness.processes import ROOT

pytestmark = pytest.mark.browser

EARLIER = [
    "A packing list for four days of rain",
    "Explain optimistic locking to a cook",
    "Three names for a bakery next to a library",
]
QUESTION = "What happens to an answer when I close the tab while it is being written?"
ANSWER = """Nothing: it is **written on**. Every answer is a run of its own.

1. A worker reads what the model says.
2. Each piece is *saved* first, and shown only then.
3. When you come back, the page brings the text so far and follows what comes next.

```python
async for batch in follow(stream, after=seq):
    for event in batch:
        show(event)  # history first, then live
```

| you | the answer |
|---|---|
| close the tab | goes on |
| press Stop | ends at once, and the text stays |

So there is no harm in leaving, and nothing """


def test_screenshot_of_a_chat(make_stack, open_window, tmp_path):
    directory = Path(ROOT) / "docs" / "screenshots" if "SCREENSHOTS" in os.environ else tmp_path
    stack = make_stack()
    words = [f"{word} " for word in ANSWER.split(" ")]
    speaks = stack.upstream.register(text=words, hold=[len(words) - 1], tag="screenshot")
    Model.objects.update(label="Demo model", upstream_id=speaks)
    alice = stack.person("alice")
    get_user_model().objects.filter(pk=alice.user.pk).update(username="alice")
    for question in EARLIER:
        alice.stop(run := alice.send(question))
        wait_for_end(run)
    size = {"width": 1120, "height": 760}
    light = open_window(stack, alice, viewport=size).tab
    light.page.goto("/")
    light.send(QUESTION)
    expect(light.answer).to_contain_text("no harm in leaving")
    dark = open_window(stack, alice, viewport=size, color_scheme="dark").tab
    dark.page.goto(light.page.url)
    expect(dark.answer).to_contain_text("no harm in leaving")
    for tab, name in ((light, "chat.png"), (dark, "chat-dark.png")):
        tab.field.focus()
        tab.page.screenshot(path=directory / name)
