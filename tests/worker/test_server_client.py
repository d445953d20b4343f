"""The worker's calls: where the token goes, what is sent, and what each answer means."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from common.settings import WrongSetting
from scraper.errors import Busy, RunEnded, ServerRefused, ServerUnreachable, TokenRefused, WrongUse
from scraper.jobs import Progress
from scraper.server_client import ServerClient
from tests.worker.panel import Panel, panel_running, refusal

TOKEN = "token-of-the-worker"


def client_of(panel: Panel) -> ServerClient:
    return ServerClient(panel.url, TOKEN, connect_timeout=2, read_timeout=0.5)


def test_S5_the_token_is_never_taken_to_where_a_redirect_leads(panel: Panel) -> None:
    with panel_running() as elsewhere:
        panel.answers = lambda _path, _body: (307, {}, {"Location": f"{elsewhere.url}/api/worker/claim"})
        with pytest.raises(ServerUnreachable, match="redirects elsewhere"):
            client_of(panel).claim("w", ["following"])
        assert elsewhere.requests == []


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host", "javascript:alert(1)", "http://", "//host"])
def test_S6_only_web_addresses_are_called(url: str) -> None:
    with pytest.raises(WrongSetting, match="MHC_SERVER_URL"):
        ServerClient(url, TOKEN)


def test_a_netrc_of_the_machine_does_not_take_the_tokens_place(panel: Panel, tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    client_of(panel).claim("w", ["following"])
    assert panel.requests[0][2]["Authorization"] == f"Bearer {TOKEN}"


def test_a_proxy_of_the_machine_is_not_asked_for_our_own_loopback(panel: Panel,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    client_of(panel).claim("w", ["following"])
    assert panel.told("/claim") == [{"worker": "w", "jobs": ["following"], "force": None}]


def test_every_attempt_carries_the_workers_clock_of_that_moment(panel: Panel) -> None:
    moments = iter([datetime(2026, 3, 1, 12, 0, 0, 5000, tzinfo=UTC), datetime(2026, 3, 1, 12, 0, 9, tzinfo=UTC)])
    client = ServerClient(panel.url, TOKEN, clock=lambda: next(moments))
    client.claim("w", [])
    client.claim("w", [])
    assert [headers["X-MHC-Sent-At"] for _, _, headers in panel.requests] == [
        "2026-03-01T12:00:00.005Z", "2026-03-01T12:00:09.000Z"]


def test_long_bodies_are_packed(panel: Panel) -> None:
    client_of(panel).post("/api/ingest/session", {"detail": "x" * 100_000})
    _, body, headers = panel.requests[0]
    assert headers["Content-Encoding"] == "gzip"
    assert int(headers["Content-Length"]) < 1000
    assert len(body["detail"]) == 100_000


def test_texts_that_are_no_texts_arrive(panel: Panel) -> None:
    client_of(panel).post("/api/ingest/session", {"detail": "half a \ud83d pair"})
    assert panel.requests[0][1]["detail"] == "half a ? pair"


def test_nothing_to_do_is_an_answer(panel: Panel) -> None:
    claim = client_of(panel).claim("w", ["following"])
    assert claim.run is None and claim.retry_after == 1


def test_a_claimed_run_says_what_to_do(panel: Panel) -> None:
    run_id = panel.will_run(account="alice")
    run = client_of(panel).claim("w", ["following"]).run
    assert run is not None
    assert (str(run.id), run.job, run.account, run.config) == (run_id, "following", "alice", {"maxPasses": 3})


@pytest.mark.parametrize(("status", "code", "error"), [
    (409, "busy", Busy), (404, "unknown_account", WrongUse), (409, "disabled", ServerRefused),
    (401, "unauthorized", TokenRefused), (403, "forbidden", TokenRefused), (500, "internal", ServerUnreachable),
])
def test_what_a_refused_claim_means(panel: Panel, status: int, code: str, error: type[Exception]) -> None:
    panel.answers = lambda _path, _body: refusal(status, code, "in words")
    with pytest.raises(error, match="in words"):
        client_of(panel).claim("w", ["following"], {"job": "following", "account": "alice"})


def test_a_run_that_is_not_ours_any_more_is_told_apart(panel: Panel) -> None:
    panel.answers = lambda _path, _body: refusal(409, "run_ended")
    with pytest.raises(RunEnded):
        client_of(panel).renew(uuid4(), Progress("reading", 1, None))


@pytest.mark.parametrize("said", [{"run": {"id": "no id"}}, {"run": 5}, {"retry_after": "soon"}])
def test_an_answer_that_makes_no_sense_is_tried_again_later(panel: Panel, said: object) -> None:
    panel.answers = lambda _path, _body: (200, said, {})
    with pytest.raises(ServerUnreachable, match="do not understand"):
        client_of(panel).claim("w", ["following"])


@pytest.mark.parametrize(("header", "wait"), [
    ("30", timedelta(seconds=30)), ("99999999", timedelta(minutes=10)), ("-5", None), ("soon", None), ("", None),
    ("9" * 400, None),
])
def test_S28_the_servers_wish_is_obeyed_within_bounds(panel: Panel, header: str, wait: timedelta | None) -> None:
    panel.answers = lambda _path, _body: (503, {}, {"Retry-After": header})
    with pytest.raises(ServerUnreachable) as caught:
        client_of(panel).post("/x", {})
    assert caught.value.wait == wait


def test_a_server_that_does_not_listen_is_unreachable() -> None:
    with pytest.raises(ServerUnreachable, match="cannot connect"):
        ServerClient("http://127.0.0.1:1", TOKEN).claim("w", [])
