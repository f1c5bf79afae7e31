"""The scripted upstream: a real model server on loopback whose answers are written by the request.

`python -m tests.upstream --port 0` prints `{"port": …}` and serves the OpenAI-compatible
`/v1/chat/completions` and `/v1/models`. `script.py` lists what an answer
can be told to do, `server.py` what can be asked about it.
"""
