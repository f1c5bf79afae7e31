"""Pictures of the admin, with a day's runs in it: `make screenshots` keeps them in docs/screenshots."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model

from runs.models import Model
from tests.browser.window import expect
from tests.harness.check import check
from tests.harness.processes import ROOT
from tests.harness.upstream import prompt, spoken

pytestmark = [pytest.mark.browser, pytest.mark.long]  # test_admin.py has what of it is clicked
WIDE, HIGH = 1440, 900


@pytest.fixture
def directory(tmp_path) -> Path:
    return Path(ROOT) / "docs" / "screenshots" if "SCREENSHOTS" in os.environ else tmp_path


def test_the_admin_shows_a_day_in_one_look(make_stack, open_window, directory):  # B59
    """No page should complain, and none should be wider than its window."""
    stack = make_stack()
    Model.objects.update(label="Demo model")
    alice, charlie = stack.person("alice"), stack.person("charlie")
    for person, name in ((alice, "alice"), (charlie, "charlie")):
        get_user_model().objects.filter(pk=person.user.pk).update(username=name)
    argv = [sys.executable, "manage.py", "demo_data", "--user", "alice", "--sessions", "120"]
    subprocess.run(argv, cwd=ROOT, env=stack.env, check=True, capture_output=True, timeout=120)
    failed = check(alice.send(prompt(tokens=3, status=500)))
    say = prompt(tokens=60, hold=[30])
    running = alice.send(say)
    alice.follow(running).wait_for_text(spoken(30))
    window = open_window(stack, charlie, viewport={"width": WIDE, "height": HIGH})
    page = window.tab.page
    pages = {
        "admin-runs": "/admin/runs/run/",
        "admin-run": f"/admin/runs/run/{running.pk}/change/",
        "admin-failed": f"/admin/runs/run/{failed.pk}/change/",
        "admin-workers": "/admin/runs/worker/",
    }
    for name, path in pages.items():
        page.goto(stack.url + path)
        expect(page.locator("#content")).to_be_visible()
        if name == "admin-run":
            expect(page.get_by_role("status")).to_have_text("Following live.")
        page.screenshot(path=directory / f"{name}.png", full_page=path.endswith("change/"))
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDE, name
    stack.upstream.release(say.tag)
    check(running)
