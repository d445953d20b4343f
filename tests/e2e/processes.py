"""The product as its owner runs it: a server process, a worker process, a data folder; and a hand that kills them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests

from scraper.sandbox.testing import Sandbox

ROOT = Path(__file__).parents[2]
PATIENCE = 90.0


def until(true: Callable[[], Any], what: str, seconds: float = PATIENCE, nap: float = 0.1) -> Any:
    """Wait for a fact, which is answered.

    raises  AssertionError when it does not come true in time
    """
    ends = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < ends, f"waited in vain: {what}"
        time.sleep(nap)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Processes:
    """Server and worker with a data folder of their own, in front of a sandbox; both write into `<folder>/logs`."""

    folder: Path
    database_url: str
    sandbox: Sandbox
    browser: str
    server: "subprocess.Popen[bytes] | None" = None
    worker: "subprocess.Popen[bytes] | None" = None
    token: str = ""
    port: int = field(default_factory=free_port)
    _all: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def __enter__(self) -> "Processes":
        self.folder.mkdir()
        self.call("-m", "flask", "--app", "server", "db", "upgrade")
        self.start_server()
        self.token = self.call("-m", "flask", "--app", "server", "token", "add", "tests", "--role",
                               "admin").split()[-1]
        cookies = self.folder / "cookies.json"
        cookies.write_text(json.dumps(self.sandbox.cookies()))
        self.call("-m", "scraper", "login", "--cookies", str(cookies), "--account", self.sandbox.owner)
        self.start_worker()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._all:
            _kill_group(process)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def waiting(self) -> list[Path]:
        """Messages in the outbox."""
        return list((self.folder / "data" / "outbox").glob("*.json.gz"))

    @property
    def orphans(self) -> list[int]:
        """Processes that outlive the worker or server that started them: a browser that nobody closed."""
        ended = {process.pid for process in self._all if process.poll() is not None}
        return [pid for pid in psutil.pids() if pid not in ended and _session_of(pid) in ended]

    def start_server(self) -> None:
        self.server = self._start("server", "-m", "server")
        until(self._is_up, "the server answers")

    def start_worker(self) -> None:
        self.worker = self._start("worker", "-m", "scraper", "run")

    def kill_server(self) -> None:
        """kill -9 of gunicorn with all its processes."""
        assert self.server is not None
        _kill_group(self.server)

    def kill_worker(self) -> None:
        """kill -9 of the worker alone: what it started has to find out by itself."""
        assert self.worker is not None
        self.worker.kill()
        self.worker.wait()

    def call(self, *arguments: str) -> str:
        """Run a command to its end; what it printed."""
        done = subprocess.run([sys.executable, *arguments], env=self._environment(), cwd=ROOT, capture_output=True,
                              text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def get(self, path: str, **query: Any) -> Any:
        return self._ask("GET", path, query)

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        return self._ask("POST", path, query, body)

    def _ask(self, method: str, path: str, query: dict[str, Any], body: Any = None) -> Any:
        response = requests.request(method, self.url + path, params={"account": self.sandbox.owner, **query}, json=body,
                                    headers={"Authorization": f"Bearer {self.token}"}, timeout=30)
        assert response.ok, f"{response.status_code} {response.text}"
        return response.json()

    def _is_up(self) -> bool:
        assert self.server is not None and self.server.poll() is None, "the server has ended"
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.ConnectionError:
            return False

    def _start(self, name: str, *arguments: str) -> "subprocess.Popen[bytes]":
        logs = self.folder / "logs"
        logs.mkdir(exist_ok=True)
        with (logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen([sys.executable, *arguments], env=self._environment(), cwd=ROOT, stdout=log,
                                       stderr=log, start_new_session=True)
        self._all.append(process)
        return process

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MHC_")}
        return {**kept, "MHC_DATA_DIR": str(self.folder / "data"), "MHC_DATABASE_URL": self.database_url,
                "MHC_PORT": str(self.port), "MHC_SERVER_URL": self.url, "MHC_CHATURBATE_URL": self.sandbox.url,
                "MHC_EVENTS_URL": self.sandbox.url, "MHC_PAGE_PAUSE": "0", "MHC_MINIMUM_GAP": "0",
                "MHC_OWNER": self.sandbox.owner, "MHC_BROWSER": self.browser, "MHC_LOG_FORMAT": "json"}


@dataclass
class Fleet:
    """Several servers and workers on one database. The servers share a data folder, each worker has its own; worker
    number n speaks with server n modulo their number. All write into `<folder>/logs`."""

    folder: Path
    database_url: str
    sandbox: Sandbox
    ports: list[int]
    worker_count: int
    token: str = ""
    _running: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    def __enter__(self) -> "Fleet":
        (self.folder / "logs").mkdir(parents=True)
        self._call("-m", "flask", "--app", "server", "db", "upgrade")
        for number in range(len(self.ports)):
            self.start_server(number)
        self.token = self._call("-m", "flask", "--app", "server", "token", "add", "tests", "--role",
                                "admin").split()[-1]
        for number in range(self.worker_count):
            self.start_worker(number)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            _kill_group(process)

    @property
    def waiting(self) -> list[Path]:
        """Messages in the workers' outboxes, those that the server refused among them."""
        return [path for number in range(self.worker_count)
                for path in (self.folder / f"worker-{number}" / "outbox").rglob("*.json.gz")]

    def start_server(self, number: int) -> None:
        self._start(f"server-{number}", number, "-m", "server")
        until(lambda: self.is_up(number), f"server {number} answers", nap=0.2)

    def start_worker(self, number: int) -> None:
        self._start(f"worker-{number}", number, "-m", "scraper", "run")

    def kill(self, name: str) -> None:
        """kill -9 of this server or worker, with all its processes."""
        _kill_group(self._running[name])

    def is_up(self, number: int) -> bool:
        try:
            return requests.get(f"{self._url(number)}/healthz", timeout=5).ok
        except requests.ConnectionError:
            return False

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer of the first server that is up.

        raises  AssertionError if it is an error, or none is up
        """
        for number in range(len(self.ports)):
            try:
                response = requests.request(method, self._url(number) + path, json=body, timeout=30,
                                            headers={"Authorization": f"Bearer {self.token}"})
            except requests.ConnectionError:
                continue
            assert response.ok, f"{response.status_code} {response.text}"
            return response.json()
        raise AssertionError("no server is up")

    def _url(self, number: int) -> str:
        return f"http://127.0.0.1:{self.ports[number % len(self.ports)]}"

    def _start(self, name: str, number: int, *arguments: str) -> None:
        with (self.folder / "logs" / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [sys.executable, *arguments], env=self._environment(name, number), cwd=ROOT, stdout=log, stderr=log,
                start_new_session=True)

    def _call(self, *arguments: str) -> str:
        done = subprocess.run([sys.executable, *arguments], env=self._environment("server-0", 0), cwd=ROOT,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _environment(self, name: str, number: int) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MHC_")}
        data = self.folder / ("servers" if name.startswith("server") else name)
        return {**kept, "MHC_DATA_DIR": str(data), "MHC_DATABASE_URL": self.database_url,
                "MHC_PORT": str(self.ports[number % len(self.ports)]), "MHC_SERVER_URL": self._url(number),
                "MHC_CHATURBATE_URL": self.sandbox.url, "MHC_EVENTS_URL": self.sandbox.url, "MHC_MINIMUM_GAP": "0",
                "MHC_SECRET_KEY": "the-secret-that-all-servers-of-this-test-share",
                "MHC_WORKER_TOKEN": "the-token-that-all-workers-of-this-test-share",
                "MHC_AFFILIATE_CODE": "SBXCODE42", "MHC_LOG_FORMAT": "json"}


def _session_of(pid: int) -> int | None:
    """Each of our processes leads a session of its own, in which its children stay; zombies have ended."""
    try:
        return None if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE else os.getsid(pid)
    except (psutil.NoSuchProcess, ProcessLookupError):
        return None


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
