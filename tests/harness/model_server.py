"""A small model server as people have them on their machines: a list of models, and answers, in a thread of the test.

For what the scripted upstream has no need of: another list, another port, a key.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ModelServer:
    """Like Ollama's unless `owner` says otherwise. `key`: what it asks for. It says `answer` to everything.

    `requests` has the path and the Authorization header of each request.
    """

    def __init__(self, *models: str, owner: str = "library", key: str = "", answer: str = "Hello from here.") -> None:
        self.key, self.answer = key, answer
        self.listed: list[dict] = [{"id": name, "object": "model", "owned_by": owner} for name in models]
        self.requests: list[tuple[str, str]] = []
        self.body: bytes | None = None  # instead of the list
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler_of(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self._is_let_in():
                is_list = self.path == "/v1/models"
                body = server.body or json.dumps({"object": "list", "data": server.listed}).encode()
                self._respond(200 if is_list else 404, body if is_list else b"{}")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self._is_let_in():
                words = [{"choices": [{"delta": {"content": f"{word} "}}]} for word in server.answer.split()]
                chunks = [*words, {"choices": [{"delta": {}, "finish_reason": "stop"}]}]
                stream = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
                self._respond(200, stream.encode(), "text/event-stream")

        def _is_let_in(self) -> bool:
            given = self.headers.get("Authorization", "")
            server.requests.append((self.path, given))
            if server.key and given != f"Bearer {server.key}":
                self._respond(401, json.dumps({"error": {"message": f"Incorrect API key provided: {given}"}}).encode())
                return False
            return True

        def _respond(self, status: int, body: bytes, content_type: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    return Handler
