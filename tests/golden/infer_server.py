#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server of inference for tests: KServe v2 and OpenAI's completions, on loopback. It infers nothing, and
what it does wrong is chosen by the name of the model.

Usage: infer_server.py FILE [--unix PATH] [--cert PEM]. The address goes to FILE once it listens.

model      does
md1-MS     one request after the other, MS milliseconds each; answers are in order
stall-MS   md1-MS, and nothing for half a second beginning one second after the first request
tokens-N   streams at most N tokens, a millisecond apart (and a request at a time takes no longer)
plain      answers at once
and: busy (429), down (503 with a page of HTML), html, badjson, nooutputs, errorin, truncated, halfclosed,
cutoff, reset, endless, slow, huge, nousage, notready
"""
import json
import os
import socket
import socketserver
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

TOKEN = "secret-4711"
METADATA = {"name": "?", "versions": ["1"], "platform": "test",
            "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 3, 2, 2]},
                       {"name": "ids", "datatype": "INT64", "shape": [-1, 4]}],
            "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 10]}]}
lock = threading.Lock()
state = {"busy_until": 0.0, "first": None, "requests": 0, "ready_asked": 0, "bodies": []}


def serve_one(model):
    """Waits as a queue with one server would; service times do not add up errors of sleeping."""
    kind, _, ms = model.partition("-")
    with lock:
        now = time.monotonic()
        state["first"] = state["first"] or now
        begin = max(now, state["busy_until"])
        if kind == "stall":
            stall = state["first"] + 1
            if stall - float(ms) / 1e3 < begin < stall + 0.5:
                begin = stall + 0.5
        state["busy_until"] = end = begin + float(ms) / 1e3
    time.sleep(max(0.0, end - time.monotonic()))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # one segment for head and body

    def log_message(self, *args):
        pass

    def address_string(self):
        return "client"

    def reply(self, status, body, kind="application/json", headers=()):
        if not isinstance(body, bytes):
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def allowed(self):
        if os.environ.get("NEED_TOKEN") and self.headers.get("Authorization") != "Bearer " + TOKEN:
            self.reply(401, {"error": {"message": "no token"}})
            return False
        return True

    def do_GET(self):
        if not self.allowed():
            return
        parts = self.path.strip("/").split("/")
        if self.path == "/state":
            with lock:
                self.reply(200, state)
        elif self.path == "/v2":
            extensions = [] if os.environ.get("NO_BINARY") else ["binary_tensor_data"]
            self.reply(200, {"name": "test", "version": "1", "extensions": extensions})
        elif self.path == "/v2/health/ready":
            with lock:
                state["ready_asked"] += 1
                ready = state["ready_asked"] > int(os.environ.get("READY_AFTER", "0"))
            self.reply(200 if ready else 503, b"")
        elif parts[:2] == ["v2", "models"] and parts[-1] == "ready":
            self.reply(400 if parts[2] == "notready" else 200, b"")
        elif parts[:2] == ["v2", "models"]:
            if parts[2] == "unknown":
                self.reply(404, {"error": "Request for unknown model: 'unknown' is not found"})
            else:
                self.reply(200, dict(METADATA, name=parts[2]))
        elif self.path == "/v1/models":
            if os.environ.get("MODELS"):
                self.reply(200, {"object": "list", "data": [{"id": m} for m in os.environ["MODELS"].split(",")]})
            else:
                self.reply(404, {"error": "no such path"})
        else:
            self.reply(404, {"error": "no such path"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        with lock:
            state["requests"] += 1
            if len(state["bodies"]) < 20:
                state["bodies"].append(body.decode("latin-1"))
        if not self.allowed():
            return
        if self.path.startswith("/v2/"):
            self.infer(self.path.strip("/").split("/")[2], body)
        else:
            request = json.loads(body)
            self.complete(request["model"], request)

    # ---- what goes wrong, for both protocols: True when that was all ----

    def misbehave(self, model):
        if model == "busy":
            self.reply(429, {"error": {"message": "too many requests"}})
        elif model == "down":
            self.reply(503, "<html>down for maintenance</html>", "text/html")
        elif model == "html":
            self.reply(200, "<html>welcome</html>", "text/html")
        elif model == "badjson":
            self.reply(200, '{"outputs": [')
        elif model == "slow":
            time.sleep(1.5)
            self.reply(200, {})
        elif model == "halfclosed":  # says more than it sends, and closes its side
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"outputs": [')
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_WR)
            self.close_connection = True
        elif model == "reset":  # no answer at all
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.connection.close()
            self.close_connection = True
        elif model == "nohttp":
            self.wfile.write(b"220 smtp.example ready\r\n")
            self.wfile.flush()
            self.close_connection = True
        else:
            return False
        return True

    def infer(self, model, body):
        if self.misbehave(model):
            return
        if model == "nooutputs":
            return self.reply(200, {"model_name": model})
        if model == "errorin":
            return self.reply(200, {"error": "out of device memory"})
        if model.startswith(("md1-", "stall-")):
            serve_one(model)
        size = self.headers.get("Inference-Header-Content-Length")
        head = json.loads(body[:int(size)] if size else body)
        rows = head["inputs"][0]["shape"][0]
        behind = len(body) - int(size) if size else 0
        told = sum(i["parameters"]["binary_data_size"] for i in head["inputs"]) if size else 0
        if behind != told:
            return self.reply(400, {"error": f"{behind} bytes behind the head, told {told}"})
        for i in head["inputs"]:
            n = 1
            for d in i["shape"]:
                n *= d
            if not size and len(i["data"]) != n:
                return self.reply(400, {"error": "elements missing"})
        output = {"name": "scores", "datatype": "FP32", "shape": [rows, 10]}
        if not size:
            return self.reply(200, {"model_name": model, "outputs": [dict(output, data=[0.5] * 10 * rows)]})
        raw = bytes(40 * rows - (4 if model == "shortbinary" else 0))
        text = json.dumps({"model_name": model,
                           "outputs": [dict(output, parameters={"binary_data_size": 40 * rows})]}).encode()
        self.reply(200, text + raw, "application/octet-stream",
                   [("Inference-Header-Content-Length", str(len(text)))])

    # ---- completions ----

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def event(self, data):
        self.chunk(b"data: " + (data if isinstance(data, bytes) else json.dumps(data).encode()) + b"\n\n")

    def choice(self, chat, text, finish=None):
        part = {"delta": {"content": text}} if chat else {"text": text}
        return {"id": "x", "object": "chunk", "choices": [dict(part, index=0, finish_reason=finish)]}

    def stream(self, model, request, n, chat):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if chat:
            self.event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})
        if model == "huge":
            self.chunk(b"data: " + b"x" * (2 << 20) + b"\n\n")
        for i in range(n):
            self.event(self.choice(chat, " word"))
            if model == "errorin" and i == 2:
                return self.event({"error": {"message": "out of device memory"}})
            if model == "cutoff" and i == 2:  # in the middle of a chunk
                self.wfile.write(b"100\r\ndata: {")
                self.wfile.flush()
                self.close_connection = True
                return
            if model == "endless":
                while True:
                    self.event(self.choice(chat, " more"))
                    time.sleep(0.01)
            time.sleep(0.001)
        if model == "truncated":
            return self.chunk(b"")
        self.event(self.choice(chat, "", "length"))
        if request.get("stream_options", {}).get("include_usage") and model != "nousage":
            self.event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": n, "total_tokens": 7 + n}})
        self.event(b"[DONE]")
        self.chunk(b"")

    def complete(self, model, request):
        chat = self.path.endswith("/chat/completions")
        if not chat and not isinstance(request.get("prompt"), str) or chat and not request["messages"]:
            return self.reply(400, {"error": {"message": "no prompt"}})
        if self.misbehave(model):
            return
        if model.startswith(("md1-", "stall-")):
            serve_one(model)
        n = request["max_tokens"]
        if model.startswith("tokens-"):
            n = min(n, int(model[7:]))
        try:
            if request.get("stream"):
                return self.stream(model, request, n, chat)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
            return
        if model == "errorin":
            return self.reply(200, {"error": {"message": "out of device memory"}})
        part = {"message": {"role": "assistant", "content": "word"}} if chat else {"text": "word"}
        answer = {"choices": [dict(part, finish_reason="length")]}
        if model != "nousage":
            answer["usage"] = {"prompt_tokens": 7, "completion_tokens": n}
        self.reply(200, answer)


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        pass


class UnixServer(Server):
    address_family = socket.AF_UNIX
    disable_nagle = False


def main():
    target = sys.argv[1]
    options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
    sys.setswitchinterval(0.0005)
    if "--unix" in options:
        Handler.disable_nagle_algorithm = False
        server, address = UnixServer(options["--unix"], Handler), "unix"
    else:
        server = Server(("127.0.0.1", 0), Handler)
        address = "127.0.0.1:%d" % server.server_address[1]
    if "--cert" in options:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options["--cert"])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with open(target + ".new", "w", encoding="ascii") as f:
        f.write(address)
    os.rename(target + ".new", target)
    server.serve_forever()


if __name__ == "__main__":
    main()
