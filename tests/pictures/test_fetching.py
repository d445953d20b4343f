"""Fetching one picture: S1, S2 and S5 against real sockets, time and size, and who is asked for what how often."""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from common.pictures import LARGEST
from scraper.errors import ClosedToUs, NotLetIn, RateLimited
from scraper.sandbox.testing import Sandbox
from scraper.sources.images.addresses import Allowed
from scraper.sources.images.client import BETWEEN_FETCHES, MOST_REDIRECTS, ImageClient, NoPicture
from tests.helpers import FakeClock
from tests.pictures.samples import picture

HOSTS = "mmcdn.com"


class Watch:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now, self.slept = 100.0, []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def client(site: Sandbox, watch: Watch) -> ImageClient:
    return ImageClient(Allowed.of(HOSTS, site.url), clock=FakeClock(), passing=watch, sleep=watch.sleep)


@contextmanager
def answering(*talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that answers its first visitors in these ways; its address."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for one in talk:
            try:
                visitor, _ = server.accept()
            except OSError:
                return
            with visitor:
                visitor.settimeout(10)
                with suppress(OSError):
                    one(visitor)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.close()
        thread.join(5)


def says(*parts: bytes) -> Callable[[socket.socket], None]:
    def talk(visitor: socket.socket) -> None:
        visitor.recv(65_536)
        for part in parts:
            visitor.sendall(part)
    return talk


def fetch(url: str, *, time_out: float = 5.0) -> bytes:
    return ImageClient(Allowed.of(HOSTS, url), sleep=lambda _: None, time_out=time_out).fetch(f"{url}/ri/zq.jpg")


def why(act: Callable[[], object]) -> str:
    with pytest.raises(NoPicture) as refused:
        act()
    return refused.value.code


def test_a_picture_comes_as_it_lies_there(client, site):
    assert client.fetch(f"{site.url}/ri/zq.jpg").startswith(b"\xff\xd8\xff")


def test_a_visitor_says_who_it_is_and_carries_nothing_of_anybody(client, site, monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    client.fetch(f"{site.url}/ri/zq.jpg")
    asked = site.requests[-1]
    assert asked.user_agent == "mhc-control-panel (images)"
    assert {name.lower() for name in asked.header_names}.isdisjoint({"cookie", "authorization", "referer"})


def test_no_proxy_is_asked_for_our_own_machine(client, site, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert client.fetch(f"{site.url}/ri/zq.jpg")


def test_a_second_lies_between_two_fetches(client, site, watch):
    for _ in range(3):
        client.fetch(f"{site.url}/ri/zq.jpg")
    assert watch.slept == [BETWEEN_FETCHES] * 2


@pytest.mark.parametrize(("fault", "code"), [("not_found", "not_found"), ("error", "unavailable"),
                                             ("redirect", "forbidden_address"), ("huge", "too_large"),
                                             ("cut", "no_answer")])
def test_an_answer_without_a_picture_says_why(client, site, fault, code):
    site.fault(fault, list="images")
    assert why(lambda: client.fetch(f"{site.url}/ri/zq.jpg")) == code


@pytest.mark.parametrize(("fault", "more", "error"), [
    ("rate_limit", {"retry_after": 120}, RateLimited), ("maintenance", {"retry_after": 600}, RateLimited),
    ("forbidden", {}, NotLetIn), ("challenge", {}, ClosedToUs)])
def test_a_host_that_wants_to_be_left_alone_is(client, site, fault, more, error):
    site.fault(fault, list="images", **more)
    with pytest.raises(error) as left:
        client.fetch(f"{site.url}/ri/zq.jpg")
    if more:
        assert left.value.wait == dt.timedelta(seconds=more["retry_after"])


@pytest.mark.parametrize("to", [
    "http://169.254.169.254/latest/meta-data/", "http://localhost:3000/", "http://127.0.0.1:1/", "file:///etc/passwd",
    "//evil.example/x.jpg", "http://127.0.0.1:1@mmcdn.com/", "https://[::1]/",
])
def test_s2_no_redirect_leads_to_another_place(client, site, to):
    site.fault("redirect", list="images", to=to)
    assert why(lambda: client.fetch(f"{site.url}/ri/zq.jpg")) == "forbidden_address"
    assert len(site.requests) == 1


def test_a_redirect_at_home_is_followed_politely(client, site, watch):
    site.fault("redirect", list="images", to="/ri/alder_lane.jpg", times=1)
    assert client.fetch(f"{site.url}/ri/zq.jpg")
    assert [one.path for one in site.requests] == ["/ri/zq.jpg", "/ri/alder_lane.jpg"]
    assert watch.slept == [BETWEEN_FETCHES]


def test_redirects_in_a_circle_end(client, site):
    site.fault("redirect", list="images", to="/ri/zq.jpg")
    assert why(lambda: client.fetch(f"{site.url}/ri/zq.jpg")) == "redirected"
    assert len(site.requests) == MOST_REDIRECTS + 1


def test_s2_a_name_is_looked_up_once_and_only_that_number_is_gone_to(site):
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    looked_up: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return answers[len(looked_up) - 1]

    port = site.url.rpartition(":")[2]
    pictures = ImageClient(Allowed.of(HOSTS, f"http://pictures.test:{port}"), resolve=resolve)
    assert pictures.fetch(f"http://pictures.test:{port}/ri/zq.jpg")
    assert looked_up == ["pictures.test"]


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["10.0.0.1"], ["1.1.1.1", "192.168.0.1"], ["::ffff:127.0.0.1"]])
def test_s1_a_known_name_that_leads_into_our_own_network_is_not_gone_to(addresses):
    pictures = ImageClient(Allowed.of(HOSTS, "https://chaturbate.com"), resolve=lambda host, port: addresses)
    assert why(lambda: pictures.fetch("https://thumb.live.mmcdn.com/ri/zq.jpg")) == "forbidden_address"


def test_a_name_that_nobody_knows_is_no_answer():
    def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    pictures = ImageClient(Allowed.of(HOSTS, "https://chaturbate.com"), resolve=resolve)
    assert why(lambda: pictures.fetch("https://thumb.live.mmcdn.com/ri/zq.jpg")) == "no_answer"


@pytest.mark.parametrize(("answer", "code"), [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "too_large"),
    (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (LARGEST + 1), "too_large"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", "no_answer"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", "no_answer"),
    (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx", "no_picture"),
    (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n", "no_answer"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n", "no_answer"),
    (b"HTTP/1.1 302 Found\r\n\r\n", "no_picture"),
    (b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\r\n\r\n", "forbidden_address"),
    (b"HTTP/1.1 302 Found\r\nLocation: \\\\evil.example\\x\r\n\r\n", "forbidden_address"),
    (b"HTTP/1.1 302 Found\r\nLocation: /\\evil.example/\r\n\r\n", "forbidden_address"),
    (b"HTTP/1.1 206 Partial\r\nContent-Length: 2\r\n\r\nxx", "no_picture"),
    (b"SSH-2.0-OpenSSH_9.2\r\n", "no_answer"),
    (b"", "no_answer"),
])
def test_s28_an_answer_that_lies_is_refused(answer, code):
    with answering(says(answer)) as url:
        assert why(lambda: fetch(url)) == code


@pytest.mark.parametrize("beginning", [
    b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\nConnection: close\r\n\r\n",
])
def test_s23_an_answer_that_drips_ends_with_its_time(beginning):
    over = threading.Event()

    def drip(visitor: socket.socket) -> None:
        visitor.recv(65_536)
        visitor.sendall(beginning)
        for _ in range(100):  # five seconds
            if over.wait(0.05):
                break
            visitor.sendall(b"x")

    with answering(drip) as url:
        began = dt.datetime.now(dt.UTC)
        with pytest.raises(NoPicture, match="too slow"):
            fetch(url, time_out=0.4)
        over.set()
    assert dt.datetime.now(dt.UTC) - began < dt.timedelta(seconds=4)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of pictures.test, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pictures.test")])
    now = dt.datetime.now(dt.UTC)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(1).not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("pictures.test")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256()))
    file = tmp_path_factory.mktemp("tls") / "pictures.pem"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption())
                     + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.mark.parametrize(("name", "trusted", "comes"), [("pictures.test", True, True), ("other.test", True, False),
                                                        ("pictures.test", False, False)])
def test_the_certificate_is_that_of_the_name_though_a_number_is_gone_to(certificate, name, trusted, comes):
    body = picture()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def talk(visitor: socket.socket) -> None:
        with context.wrap_socket(visitor, server_side=True) as secure:
            assert f"Host: {name}:".encode() in secure.recv(65_536)
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    believed = ssl.create_default_context(cafile=str(certificate)) if trusted else None
    with answering(talk) as url:
        home = f"https://{name}:{url.rpartition(':')[2]}"
        pictures = ImageClient(Allowed.of(HOSTS, home), resolve=lambda host, port: ["127.0.0.1"], trusted=believed)
        if comes:
            assert pictures.fetch(f"{home}/ri/zq.jpg") == body
        else:
            with pytest.raises(NoPicture, match="certificate"):
                pictures.fetch(f"{home}/ri/zq.jpg")


def test_behind_a_proxy_the_name_is_asked_for_and_no_password_reaches_the_host(monkeypatch):
    heard: list[bytes] = []

    def proxy(visitor: socket.socket) -> None:
        heard.append(visitor.recv(65_536))
        visitor.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    with answering(proxy) as url:
        monkeypatch.setenv("https_proxy", url.replace("http://", "http://me:secret@"))
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        pictures = ImageClient(Allowed.of(HOSTS, "https://chaturbate.com"), resolve=lambda host, port: ["10.0.0.1"])
        assert why(lambda: pictures.fetch("https://thumb.live.mmcdn.com/ri/zq.jpg")) == "no_answer"
    assert heard[0].startswith(b"CONNECT thumb.live.mmcdn.com:443 HTTP/1.")
    assert b"Proxy-Authorization: Basic bWU6c2VjcmV0" in heard[0]


def test_s23_a_handshake_that_never_ends_ends_with_its_time(certificate):
    over = threading.Event()
    with answering(lambda visitor: over.wait(5) and None) as url:
        home = f"https://pictures.test:{url.rpartition(':')[2]}"
        pictures = ImageClient(Allowed.of(HOSTS, home), resolve=lambda host, port: ["127.0.0.1"], time_out=0.3,
                               trusted=ssl.create_default_context(cafile=str(certificate)))
        with pytest.raises(NoPicture, match="too slow"):
            pictures.fetch(f"{home}/ri/zq.jpg")
        over.set()
