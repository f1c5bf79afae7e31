"""Node.js, in which modules of the browser run without one."""

import pytest
from django.conf import settings

from tests.harness.node import node_program
from tests.harness.plugin import skip_missing


@pytest.fixture(scope="module")
def node() -> str:
    """The program."""
    if not (settings.BROWSER_PACKAGES_DIR / "linkedom").is_dir():
        skip_missing("The browser packages for tests are not installed")
    return node_program()
