"""Visitors of the sandbox without a browser, and readers of what they get."""

import re
from collections.abc import Iterator

import requests
from parsel import Selector

from scraper.sandbox.testing import Sandbox

# Words of a class that say what an element is like, not what it is.
PASSING = re.compile(
    r"gender[mfcs]|fi-\w\w|active|no-link|icon_(not_)?following|NoSearchResultsMessage__hidden|tabOpen")


class Visitor:
    """Somebody with cookies who follows no redirect unless told."""

    def __init__(self, sandbox: Sandbox, *, signed_in: bool = False) -> None:
        self.sandbox, self.http = sandbox, requests.Session()
        if signed_in:
            for cookie in sandbox.cookies():
                self.http.cookies.set(cookie["name"], cookie["value"], domain="127.0.0.1")

    def get(self, path: str, **options: object) -> requests.Response:
        return self.http.get(self.sandbox.url + path, allow_redirects=False, timeout=10, **options)

    def html(self, path: str) -> Selector:
        return Selector(self.get(path).text)

    def post(self, path: str, form: dict[str, str], **headers: str) -> requests.Response:
        return self.http.post(self.sandbox.url + path, data=form, headers=headers, allow_redirects=False, timeout=10)

    def control(self, path: str, body: dict[str, object]) -> requests.Response:
        return self.http.post(f"{self.sandbox.url}/__control__/{path}", json=body, timeout=10)

    def log_in(self, username: str = "demo_owner", password: str | None = None) -> requests.Response:
        page = self.html("/auth/login/?next=/followed-cams/")
        token = page.css("#login_form input[name=csrfmiddlewaretoken]::attr(value)").get("")
        form = {"csrfmiddlewaretoken": token, "next": "/followed-cams/", "username": username,
                "password": self.sandbox.password if password is None else password, "rememberme": "on"}
        return self.post("/auth/login/", form, Referer=f"{self.sandbox.url}/auth/login/")

    def close(self) -> None:
        self.http.close()


def followed_names(page: Selector) -> list[str]:
    """The names in the only container that counts."""
    first = page.css('[data-testid="room-list-container"]')[0]
    return first.css('li[data-testid="room-card"] a[data-testid="room-card-username"]::attr(data-room)').getall()


def follower_names(page: Selector) -> list[str]:
    links = page.css(".followers_table tbody a::attr(href), .follower a::attr(href)").getall()
    return [href.strip("/") for href in links]


def header(page: Selector) -> tuple[str | None, str | None]:
    """(who is signed in, the counts) as the header says."""
    return page.css('[data-testid="username"]::text').get(), page.css(".followed_counts::text").get()


def outline(html: str, root: str, *, without: str = "") -> set[str]:
    """Every path of elements under `root`, each with its id, lasting classes and test id."""

    def walk(element: Selector, path: str) -> Iterator[str]:
        node = element.root
        classes = sorted(one for one in (node.get("class") or "").split() if not PASSING.fullmatch(one))
        here = f"{path} > {node.tag}" + (f"#{node.get('id')}" if node.get("id") else "") + "".join(
            f".{one}" for one in classes) + (f"[{node.get('data-testid')}]" if node.get("data-testid") else "")
        yield here
        for child in element.xpath("./*"):
            yield from walk(child, here)

    return {path for element in Selector(html).css(root) for path in walk(element, "")
            if not without or without not in path}
