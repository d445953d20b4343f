"""Calls as the documents print them."""

import re
import shlex
from collections.abc import Iterable
from pathlib import Path

import requests

DOCS = Path(__file__).parents[2] / "docs"


def calls_of(*texts: str) -> list[str]:
    return re.findall(r"^curl .*$", "\n".join(texts), re.M)


def all_work(calls: Iterable[str], server: str, token: str) -> None:
    """Each call is answered well, as it is printed."""
    for call in calls:
        call = call.replace("wait=60", "wait=0.1")  # no worker is here to do it
        words = shlex.split(call.replace("$TOKEN", token).replace("http://localhost:3000", server))[1:]
        method, headers, body, url = "GET", {}, None, ""
        while words:
            word = words.pop(0)
            if word == "-X":
                method = words.pop(0)
            elif word == "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            elif word == "-o":
                words.pop(0)
            elif word == "-d":
                body = words.pop(0)
            else:
                url = word
        answered = requests.request(method, url, headers=headers, data=body, timeout=30)
        assert answered.ok, f"{call}: {answered.text}"
