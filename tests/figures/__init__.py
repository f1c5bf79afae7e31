"""What a reader waits for, measured in a browser: `make figures`, or `python -m tests.figures`.

The parts are those of `make run`: daphne, one gevent worker, SQLite, Valkey; the model is the scripted upstream, which
answers at once. Chromium opens pages as the browser's tests do. The table goes into docs/figures.md.
"""
