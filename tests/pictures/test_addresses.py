"""Where a picture may be fetched from: S1 private addresses, S3 parsers that disagree, S6 other schemes."""

import pytest

from scraper.sources.images.addresses import Allowed, Forbidden, Place, is_public, parsed

HOSTS = "mmcdn.com,highwebmedia.com"
SITE = "https://chaturbate.com"
SANDBOX = "http://127.0.0.1:5001"

GOOD = {
    "https://thumb.live.mmcdn.com/ri/zq.jpg": "/ri/zq.jpg",
    "https://THUMB.Live.mmcdn.com:443/ri/zq.jpg?1732190000": "/ri/zq.jpg?1732190000",
    "https://mmcdn.com": "/",
    "https://mmcdn.com?x=https://127.0.0.1/": "/?x=https://127.0.0.1/",
    "https://roomimg.stream.highwebmedia.com/ri/a%20b.jpg#top": "/ri/a%20b.jpg",
}
S3_PARSERS_DISAGREE = [
    r"https://127.0.0.1\@thumb.live.mmcdn.com/", r"https://thumb.live.mmcdn.com\@127.0.0.1/",
    "https://thumb.live.mmcdn.com@127.0.0.1/", "https://127.0.0.1@thumb.live.mmcdn.com/",
    "https://user:password@thumb.live.mmcdn.com/", "https://127.0.0.1%2f@mmcdn.com/", "https://127.0.0.1%23.mmcdn.com/",
    "https://127.0.0.1%2f.mmcdn.com/", "https://mmcdn%2ecom/", "https://mmcdn.com./", "https://.mmcdn.com/",
    "https:///mmcdn.com/", "https:/mmcdn.com/", "https:mmcdn.com/", "//mmcdn.com/", "https://mmcdn.com:443@127.0.0.1/",
    "https://mmcdn.com:/", "https://mmcdn.com:0443443/", "https://mmcdn.com:70000/", "https://[::1]mmcdn.com/",
    "https://mmcdn.com/\r\nHost: 127.0.0.1", "https://mmcdn.com\t/", " https://mmcdn.com/", "https://mmcdn.com/ x",
    "https://mmcdn.com/\x00", "https://mmcdn.com/%zz", "https://ｍmcdn.com/", "https://mmcdn。com/", "https://mmcdn.com/é",
    "https://hi\u017fhwebmedia.com/", "https://mmcdn.com\u2044.example.org/", "https://mmcdn.com/" + "x" * 2000, "",
]
OTHERS = [
    "https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://0x7f000001/", "https://2130706433/",
    "https://169.254.169.254/latest/meta-data/", "https://mmcdn.com.example.org/", "https://evilmmcdn.com/",
    "https://example.org/mmcdn.com", "https://example.org#mmcdn.com", "https://example.org?mmcdn.com",
    "http://thumb.live.mmcdn.com/", "https://thumb.live.mmcdn.com:8443/", "https://thumb.live.mmcdn.com:22/",
    "https://chaturbate.com/",
]
S6_SCHEMES = ["file:///etc/passwd", "file:/etc/passwd", "source:file:///etc/passwd", "javascript:alert(1)", "data:,x",
              "ftp://mmcdn.com/", "gopher://mmcdn.com/", "HTTPS+unix://mmcdn.com/", "view-source:https://mmcdn.com/"]


@pytest.mark.parametrize("url", GOOD)
def test_pictures_of_the_known_hosts_may_be_fetched(url):
    place = Allowed.of(HOSTS, SITE).place(url)
    assert (place.scheme, place.port, place.target) == ("https", 443, GOOD[url])
    assert place.host == place.host.lower()


@pytest.mark.parametrize("site", [SITE, SANDBOX])
@pytest.mark.parametrize("url", [*S3_PARSERS_DISAGREE, *OTHERS, *S6_SCHEMES])
def test_nothing_else_is_ever_asked(url, site):
    with pytest.raises(Forbidden):
        Allowed.of(HOSTS, site).place(url)


def test_the_sandbox_is_right_where_the_owner_has_set_it_and_nowhere_else():
    allowed = Allowed.of(HOSTS, SANDBOX)
    place = allowed.place(f"{SANDBOX}/ri/zq.jpg")
    assert place == Place("http", "127.0.0.1", 5001, "/ri/zq.jpg")
    assert allowed.may_connect(place, "127.0.0.1") and allowed.is_at_home
    for url in ("http://127.0.0.1:5002/", "http://127.0.0.1/", "https://127.0.0.1:5001/", "http://localhost:5001/"):
        with pytest.raises(Forbidden):
            allowed.place(url)
    assert not allowed.may_connect(allowed.place("https://mmcdn.com/"), "127.0.0.1")


@pytest.mark.parametrize("site", [SITE, "https://www.mmcdn.com", "http://mmcdn.com:8000"])
def test_the_platforms_own_hosts_lead_to_no_private_address(site):
    allowed = Allowed.of(HOSTS, site)
    assert allowed.own is None and not allowed.is_at_home
    assert not allowed.may_connect(allowed.place("https://www.mmcdn.com/"), "10.0.0.8")


S1_PRIVATE = [
    "127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "240.0.0.1", "::", "::1", "::127.0.0.1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1",
    "fec0::1", "ff02::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a00:1::",
    "2001:db8::1", "2001:0:7f00:1::", "localhost", "0x7f000001", "2130706433", "127.1", "",
]


@pytest.mark.parametrize("address", S1_PRIVATE)
def test_addresses_of_this_machine_and_its_network_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "104.16.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_on_the_internet_are_public(address):
    assert is_public(address)


def test_an_address_is_read_once_and_sent_as_it_was_read():
    assert parsed("http://[::1]:80/x") == Place("http", "[::1]", 80, "/x")
    assert parsed("http://a.example:80/x").host_header == "a.example"
    assert parsed("http://a.example:81/x").host_header == "a.example:81"
