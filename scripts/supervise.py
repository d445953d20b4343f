"""Server and worker together, until one ends or somebody stops them.

Called by `scripts/start`. Not a general process manager: those signal the whole group at once, and the worker
would lose its browser's driver before it could close the browser. Here each program is asked by itself, the worker
first so that its last delivery still finds the server.
"""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60
LAST_LINES = 20  # of the log are shown when a program ends by itself
PATIENCE = 20  # seconds for a program to end by itself
_SET_CHILD_SUBREAPER, _SET_PDEATHSIG = 36, 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Stopped(Exception):
    """Somebody asked us to end, or a program ended by itself; `status` is ours."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Supervisor:
    """Programs that live and die together; use it in a `with`, after which none of them is left."""

    def __init__(self, environment: Mapping[str, str], folder: Path, log: Path | None = None) -> None:
        """folder: where the programs run; log: takes what they write to standard error, instead of the terminal"""
        self._environment, self._folder, self._log = dict(environment), folder, log
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._called: set[int] = set()
        self._signals: list[int] = []

    def __enter__(self) -> "Supervisor":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _frame: self._signals.append(number))
        _prctl(_SET_CHILD_SUBREAPER, 1)  # what a killed program leaves behind becomes ours to end
        return self

    def __exit__(self, *_about: object) -> None:
        for _name, process in reversed(self._running):
            self._end(process)
        _end_the_rest()

    def start(self, name: str, *arguments: str, stdout: int | None = None) -> None:
        """Start `python ARGUMENTS…`; it ends when we do, even if we are killed."""
        with contextlib.ExitStack() as stack:
            errors = stack.enter_context(self._log.open("ab")) if self._log else None
            process = subprocess.Popen(
                [sys.executable, *arguments], cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL,
                stdout=stdout, stderr=errors, start_new_session=True,
                preexec_fn=lambda: _prctl(_SET_PDEATHSIG, signal.SIGTERM))
        self._running.append((name, process))

    def call(self, *arguments: str, text: str = "") -> str:
        """Run `python ARGUMENTS…` to its end with this text on its standard input; what it prints.

        raises  Stopped when it fails; its own words have been shown.
        """
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=self._folder, env=self._environment, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, start_new_session=True)
        self._called = {process.pid}
        try:
            assert process.stdin and process.stdout
            process.stdin.write(text)
            process.stdin.close()
            self.until(lambda: process.poll() is not None, seconds=4 * START_SECONDS, what=arguments[-1])
            if process.returncode:
                raise Stopped(process.returncode)
            return process.stdout.read()
        finally:
            if process.poll() is None:
                self._end(process)
            self._called = set()

    def until(self, done: Callable[[], object], *, seconds: float, what: str) -> None:
        """Wait until `done` says so, as long as everything else runs.

        raises  Stopped
        """
        ends = time.monotonic() + seconds
        while not done():
            self._look()
            if time.monotonic() > ends:
                say(f"{what} is not ready after {seconds:g} seconds")
                raise Stopped(1)
            time.sleep(0.05)

    def serve(self) -> None:
        """Wait until somebody stops us or a program ends.

        raises  Stopped, always
        """
        while True:
            self._look()
            time.sleep(0.1)

    def _look(self) -> None:
        _reap(self._called | {process.pid for _, process in self._running})
        if self._signals:
            say("Stopping …")
            raise Stopped(0)
        for name, process in self._running:
            status = process.poll()
            if status is not None:
                if self._log:
                    say("".join(self._log.read_text(errors="replace").splitlines(keepends=True)[-LAST_LINES:]))
                say(f"The {name} has ended ({_in_words(status)}); stopping the rest.")
                raise Stopped(status if status > 0 else 1)

    def _end(self, process: subprocess.Popen[Any]) -> None:
        """Ask a program to end; force it when it does not, or when we are asked a second time."""
        if process.poll() is None:
            process.terminate()
        asked, ends = len(self._signals), time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < ends and len(self._signals) <= max(asked, 1):
            time.sleep(0.05)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def answers(url: str) -> bool:
    """Something answers there with success."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def need_free_port(host: str, port: int, advice: str) -> None:
    """raises  Stopped, after words, when something else listens there."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            say(f"Cannot listen on {host}:{port}: {error.strerror}. {advice}")
            raise Stopped(1) from error


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    from common.settings import WrongSetting, address_here, load_settings

    try:
        settings = load_settings()
        settings.data_folder  # noqa: B018  made here, so that a wrong place is told before anything starts
        address = address_here(settings.host, settings.port)
        with Supervisor(os.environ, ROOT) as all_of_it:
            need_free_port(settings.host, settings.port,
                           "Is the panel running already? Otherwise choose another port: MHC_PORT=3001 scripts/start")
            all_of_it.start("server", "-m", "server", "--upgrade")
            # A new version may have much to do to a large database; to stop it half-way would help nobody.
            all_of_it.until(lambda: answers(f"{address}/healthz"), seconds=60 * START_SECONDS, what="The server")
            all_of_it.start("worker", "-m", "scraper", "run")
            say(f"The panel is at {address}/ — sign in there. Ctrl-C stops it.")
            all_of_it.serve()
    except WrongSetting as error:
        say(f"Wrong setting: {error}")
        return 2
    except OSError as error:
        say(f"The data folder cannot be used: {error}")
        return 1
    except Stopped as stopped:
        return stopped.status
    return 0


def _in_words(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def _prctl(option: int, value: int) -> None:
    """Linux only; elsewhere a killed supervisor leaves its programs running."""
    if _LIBC is not None:
        _LIBC.prctl(option, value)


def _children() -> list[int]:
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in children.read_text().split()] if children.exists() else []


def _reap(ours: set[int]) -> None:
    """What became our child because its parent ended before it: let it go when it ends."""
    for pid in set(_children()) - ours:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _end_the_rest() -> None:
    """End what our programs started and left behind, such as a browser of a killed worker."""
    while left := _children():
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


if __name__ == "__main__":
    sys.exit(main())
