"""python -m scraper.sandbox: the imitation, until Ctrl-C."""

import argparse
import signal
import socket
import sys
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin

from werkzeug.serving import make_server

from common.clock import utc_now
from scraper.sandbox.app import create_app
from scraper.sandbox.options import Options
from scraper.sandbox.site import PASSWORD, STATS_TOKEN
from scraper.sandbox.testing import QuietHandler, make_site
from scraper.sandbox.world import OWNER


def parser() -> argparse.ArgumentParser:
    it = argparse.ArgumentParser(
        prog="python -m scraper.sandbox",
        description="A local imitation of the site, with made-up people and faults on demand. Keep it on this machine.")
    it.add_argument("--host", default="127.0.0.1", help="where to listen (default: %(default)s)")
    it.add_argument("--port", type=int, default=8801, help="where to listen (default: %(default)s)")
    it.add_argument("--people", type=int, default=300, help="people in the world (default: %(default)s)")
    it.add_argument("--following", type=int, help="people whom the owner follows")
    it.add_argument("--followers", type=int, help="people who follow the owner")
    it.add_argument("--online", type=int, help="how many of the followed people are online at first")
    it.add_argument("--seed", type=int, default=1, help="the same seed makes the same world (default: %(default)s)")
    it.add_argument("--latency", dest="latency_ms", type=int, default=0, help="milliseconds that every answer waits")
    for option in fields(Options):
        kind: Any = option.type
        name = "--" + option.name.replace("_", "-")
        if option.name == "latency_ms":
            continue
        if kind is bool:
            it.add_argument(name, action="store_true", default=option.default)
        elif get_origin(kind) is Literal:
            it.add_argument(name, choices=get_args(kind), default=option.default)
        else:
            it.add_argument(name, type=kind, default=option.default, metavar="N")
    return it


def main(argv: list[str] | None = None) -> int:
    asked = vars(parser().parse_args(argv))
    host, port = asked.pop("host"), asked.pop("port")
    try:
        site = make_site(today=utc_now().date(), **asked)
    except ValueError as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 2
    try:
        with socket.create_server((host, port)) as door:
            server = make_server(host, port, create_app(site), threaded=True, request_handler=QuietHandler,
                                 fd=door.fileno())
    except OSError as error:
        sys.stderr.write(f"sandbox: cannot listen on {host}:{port}: {error.strerror}\n")
        return 1
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, _stop)
    sys.stdout.write(f"The sandbox listens on http://{host}:{server.port}/ with seed {site.world.seed}. "
                     f"Sign in as {OWNER} with {PASSWORD}; the Stats token is {STATS_TOKEN}.\n")
    sys.stdout.flush()
    try:
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        return 0
    finally:
        site.faults.clear()
        server.server_close()
    return 0


def _stop(number: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
