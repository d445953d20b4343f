"""The whole product against the local imitation of the site, in a data folder of its own.

Called by `scripts/start --demo`. Each demo is a new one: the imitation's people live only as long as it runs, so
yesterday's follows would look as if everybody had left at once.

Neither the environment's `MHC_…` nor `.env` is read, except where the browser is, the time zone, and from the
environment where to listen: a demo never touches real data, and nothing it starts can reach another host.
"""

import argparse
import os
import secrets
import shutil
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

import requests
from supervise import ROOT, START_SECONDS, Stopped, Supervisor, answers, free_port, need_free_port, say

from common.settings import address_here

OWNER = "demo_owner"
SITE_PASSWORD = "sandbox-password"  # opens nothing but the imitation
STATS_TOKEN = "sandbox-stats-token"
USER = "demo"
MARK = "this-folder-is-emptied-at-every-start-of-the-demo"
WORLD = {
    "people": 900, "following": 320, "followers": 250, "online": 110, "page-size": 30, "followers-page-size": 50,
    "latency": 20, "speed": 40,
}
ROUND_SECONDS = 20  # from the start of one reading of both lists to the next
ROUNDS_PER_RANKS = 3
RUN_SECONDS = 90
LISTS = ("following", "followers")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/start --demo", description="The panel with made-up people.")
    parser.add_argument("--port", type=_port, default=os.environ.get("MHC_PORT") or "3000",
                        help="where the panel listens (default: MHC_PORT of the environment, else 3000)")
    parser.add_argument("--host", default=os.environ.get("MHC_HOST") or "127.0.0.1",
                        help="the address it listens on (default: MHC_HOST of the environment, else 127.0.0.1)")
    parser.add_argument("--data", type=Path, default=ROOT / "data-demo", help="folder of the demo; it is emptied")
    parser.add_argument("--step", choices=("prepare", "live"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step == "prepare":
        return _prepare()
    if asked.step == "live":
        return _live()
    try:
        return _run(asked.data.absolute(), asked.host, asked.port)
    except Stopped as stopped:
        return stopped.status


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: a number from 1 to 65535")
    return int(text)


def _run(data: Path, host: str, port: int) -> int:
    _empty(data)
    address, site = address_here(host, port), f"http://127.0.0.1:{free_port()}"
    password = secrets.token_urlsafe(9)
    _keep(data / "demo-password", password)
    with Supervisor(_environment(data, host, port, address, site), data, log := data / "demo.log") as demo:
        need_free_port(host, port, f"Choose another port: scripts/start --demo --port {port + 1}")
        say("Starting the imitation of the site …")
        world = [word for name, value in WORLD.items() for word in (f"--{name}", str(value))]
        # What it prints would name its password and token; its errors still come to the terminal.
        demo.start("sandbox", "-m", "scraper.sandbox", "--port", site.rsplit(":", 1)[1], *world,
                   stdout=subprocess.DEVNULL)
        this = str(Path(__file__).resolve())
        token = demo.call(this, "--step", "prepare", text=f"{password}\n").strip().splitlines()[-1]
        _keep(data / "demo-token", token)
        demo.start("server", "-m", "server")
        demo.until(lambda: answers(f"{address}/healthz"), seconds=START_SECONDS, what="The server")
        demo.until(lambda: answers(f"{site}/"), seconds=START_SECONDS, what="The sandbox")
        say("Signing in to it through Chromium …")
        demo.call("-m", "scraper", "login", "--username", OWNER, "--password-stdin", text=f"{SITE_PASSWORD}\n")
        for name in ("worker", "second worker"):  # CBHours takes its time, and the lists should not wait for it
            demo.start(name, "-m", "scraper", "run")
        demo.start("demo", this, "--step", "live")
        say(f"\n  The demo is at {address}/\n  Sign in as {USER} with the password {password}\n\n"
            "  Made-up people come, leave and return; both lists are read about three times a minute.\n"
            "  Everybody's first date is open (\"before …\"), because the first reading cannot know it.\n"
            "  Ranks and 60 days of history come from an imitation of CBHours, person after person.\n"
            f"  What the programs say: {log}\n  Ctrl-C stops the demo.\n")
        demo.serve()
    return 0


def _environment(data: Path, host: str, port: int, address: str, site: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("MHC_") or name in ("MHC_BROWSER", "MHC_TIMEZONE", "MHC_LOG_FORMAT")}
    sources = ("CHATURBATE", "EVENTS", "CBHOURS", "STATBATE", "TWITCH_API", "TWITCH_AUTH")
    return kept | {f"MHC_{source}_URL": site for source in sources} | {
        "MHC_DATA_DIR": str(data), "MHC_HOST": host, "MHC_PORT": str(port), "MHC_SERVER_URL": address,
        "MHC_OWNER": OWNER, "MHC_STATS_TOKEN": STATS_TOKEN, "MHC_AFFILIATE_CODE": "demo1",
        "MHC_PAGE_PAUSE": "0", "MHC_MINIMUM_GAP": "0.1", "FLASK_SKIP_DOTENV": "1", "PYTHONPATH": str(ROOT),
    }


def _empty(data: Path) -> None:
    """raises  Stopped, after words, for a folder with other things in it."""
    if data.exists() and any(data.iterdir()) and not (data / MARK).exists():
        say(f"{data} is not the folder of a demo and is not emptied. Choose another one with --data.")
        raise Stopped(2)
    if data.exists():
        shutil.rmtree(data)
    data.mkdir(mode=0o700, parents=True)
    (data / MARK).touch()


def _keep(path: Path, secret: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{secret}\n")


def _prepare() -> int:
    """The database with its admin, whose password comes on standard input, and a token for the demo's own calls."""
    from flask_migrate import upgrade

    from server import create_app
    from server.access import store
    from server.database import writing
    from server.startup import prepare

    app = create_app()
    with app.app_context():
        upgrade()
        prepare()
        kept = store.hash_for(sys.stdin.readline().strip(), USER)
        with writing() as session:
            store.add_user(session, USER, "admin", kept)
            token = store.add_token(session, "demo", "subscriber")
    sys.stdout.write(f"{token}\n")
    return 0


def _live() -> int:
    """Have both lists read again and again, more often than any schedule allows, poll who is online, ask CBHours of
    them, and fetch pictures, so that there is something to see."""
    address = os.environ["MHC_SERVER_URL"]
    client = requests.Session()
    client.headers["Authorization"] = f"Bearer {(Path(os.environ['MHC_DATA_DIR']) / 'demo-token').read_text().strip()}"
    for name in LISTS:
        _ask(client, f"{address}/api/job/{name}/config", {"intervalMinutes": 1, "confirmMinutes": 1})
    _ask(client, f"{address}/api/job/affiliate/config", {"intervalMinutes": 1, "gender": "m,f,t,c"})
    _ask(client, f"{address}/api/job/images/config", {"intervalMinutes": 1, "limit": 400})
    _ask(client, f"{address}/api/job/cbhours-live/config", {"intervalMinutes": 5, "limit": 500})
    _ask(client, f"{address}/api/job/cbhours-activity/config", {"intervalMinutes": 60, "limit": 20})
    for name in ("affiliate", "images"):
        _ask(client, f"{address}/api/job/{name}/start")
    _ask(client, f"{address}/api/job/affiliate/run?wait={RUN_SECONDS}")  # whoever is online is who CBHours is asked for
    for username in _most_followed(client, address):  # their charts are worth looking at
        _ask(client, f"{address}/api/persons/{username}/cbhours")
    for name in ("cbhours-live", "cbhours-activity"):
        _ask(client, f"{address}/api/job/{name}/start")
    for number in count():
        began = time.monotonic()
        for name in LISTS:
            _ask(client, f"{address}/api/job/{name}/run?wait={RUN_SECONDS}")
        if number == 0:
            say("Both lists have been read for the first time; now watch them change.")
        if number % ROUNDS_PER_RANKS == 0:
            _ask(client, f"{address}/api/job/cbhours-live/run")
        time.sleep(max(1.0, ROUND_SECONDS - (time.monotonic() - began)))


def _most_followed(client: requests.Session, address: str) -> list[str]:
    try:
        found = client.get(f"{address}/api/persons?sort=-followers&limit=10", timeout=RUN_SECONDS).json()
        return [person["username"] for person in found["persons"]]
    except (requests.RequestException, ValueError, KeyError):
        return []


def _ask(client: requests.Session, url: str, body: Any = None) -> None:
    """A reading that is under way already, or a server that is just ending, is no reason to stop."""
    try:
        client.post(url, json=body, timeout=RUN_SECONDS + 10)
    except requests.RequestException:
        time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
