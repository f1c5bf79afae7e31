"""Real parts for the tests: separate processes that tests start, stop and kill, and that are always cleaned up.

`stack.py` puts them together; `people.py` is how a test talks to them; the fixtures are in `tests/conftest.py`.
"""
