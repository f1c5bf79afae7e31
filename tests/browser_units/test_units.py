"""Unit tests of the browser's modules, in Node.js: `node --preserve-symlinks --test tests/browser_units/*.test.mjs`.

They import from deploy/browser/static, which has the layout of /static/. Its links have to be kept: a module's relative
imports start from its URL.
"""

import subprocess
from pathlib import Path

import pytest

FILES = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.split(".")[0])
def test_unit(node, file):
    command = [node, "--preserve-symlinks", "--test", "--test-reporter=spec", str(file)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, result.stdout + result.stderr
