"""A collector of traces on loopback: prints its port, then each span it is sent as one line of JSON."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        for resource in sent.resource_spans:
            service = attributes_of(resource.resource)["service.name"]
            for scope in resource.scope_spans:
                for span in scope.spans:
                    print(json.dumps({"service": service} | read(span)), flush=True)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


def attributes_of(message) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in message.attributes}


def read(span) -> dict:
    return {
        "name": span.name,
        "trace": span.trace_id.hex(),
        "id": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "attributes": attributes_of(span),
        "events": len(span.events),
        "message": span.status.message,
    }


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as server:
        print(f"listens on {server.server_port}", flush=True)
        server.serve_forever()
