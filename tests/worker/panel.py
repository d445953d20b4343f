"""A panel for the worker to talk to: a real HTTP server that says what a test wants and keeps what it was told."""

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

Answer = tuple[int, Any, dict[str, str]]


def refusal(status: int, code: str, message: str = "no") -> Answer:
    return status, {"error": {"code": code, "message": message}}, {}


@dataclass
class Panel:
    """answers   called first for every request; None: the ordinary answer
    runs      given to the worker one after the other
    cancel    whether the worker is told that a person cancelled
    requests  (path, body, headers) in the order of their arrival
    """

    url: str = ""
    answers: Callable[[str, dict[str, Any]], Answer | None] = lambda _path, _body: None
    runs: list[dict[str, Any]] = field(default_factory=list)
    cancel: bool = False
    verdict: dict[str, Any] = field(default_factory=lambda: {
        "verdict": "complete", "state": "applied", "explanation": "Everything was read: 2 people.",
        "stats": {"total": 2, "new": 1, "returned": 0, "missing": 1, "unfollowed": 0}})
    requests: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def will_run(self, job: str = "following", account: str = "alice", lease_seconds: float = 60) -> str:
        run_id = str(uuid4())
        self.runs.append({"id": run_id, "job": job, "account": account, "trigger": "manual", "config": {"maxPasses": 3},
                          "lease_seconds": lease_seconds})
        return run_id

    def told(self, ending: str) -> list[dict[str, Any]]:
        """Bodies of the requests whose path ends so."""
        return [body for path, body, _ in list(self.requests) if path.endswith(ending)]

    def answer(self, path: str, body: dict[str, Any], headers: dict[str, str]) -> Answer:
        with self.lock:
            self.requests.append((path, body, headers))
            special = self.answers(path, body)
            if special is not None:
                return special
            if path.endswith("/claim"):
                force = body.get("force")
                if force and not self.runs:
                    self.will_run(force["job"], force["account"] or "alice")
                return 200, {"run": self.runs.pop(0) if self.runs else None, "retry_after": 1}, {}
            if path.endswith("/progress"):
                return 200, {"cancel": self.cancel, "lease_until": "2030-01-01T00:00:00.000Z"}, {}
            if path.endswith("/scan-end"):
                return 200, {"accepted": 1, "rejected": [], "scan": {"id": body["scan_id"], **self.verdict}}, {}
            return 200, {"ok": True, "accepted": 1, "rejected": []}, {}


@contextmanager
def panel_running(panel: Panel | None = None, port: int = 0) -> Iterator[Panel]:
    panel = panel or Panel()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                data = gzip.decompress(data)
            status, said, headers = panel.answer(self.path, json.loads(data), dict(self.headers))
            content = said.encode() if isinstance(said, str) else json.dumps(said).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    panel.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield panel
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
