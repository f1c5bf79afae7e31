"""Real parts for the tests: started as processes of their own, stopped and killed at will, always cleaned up.

`stack.py` puts them together; `people.py` is how a test talks to them; the fixtures are in `tests/conftest.py`.
"""
