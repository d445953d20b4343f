"""Where a picture may be fetched from. Pure.

An address comes from outside: from a page, from the affiliate API, from a redirect. It is read by one strict pattern
that is the check as well, so that there are no two readers to disagree about it; what the pattern does not know
(a name with a password, a backslash, an escaped host, another scheme) is refused, not repaired.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_PATTERN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::(?P<port>\d{1,5}))?"
    r"(?P<target>(?:/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*)?"
    r"(?:\?(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?)(?:#[\x21-\x7e]*)?", re.I | re.A)
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_PORTS = {"http": 80, "https": 443}
_NAT64 = IPv6Network("64:ff9b::/96")  # an IPv4 address lies in its last 32 bits


class Forbidden(ValueError):
    """Nothing is asked of this address; the words say why."""


@dataclass(frozen=True)
class Place:
    """An address taken apart. target: path and query, as they are sent."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def host_header(self) -> str:
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Allowed:
    """hosts  names under which pictures lie, each with all names below it
    own      the site's own address where the owner has set one that is none of these (the sandbox): there alone
             http, another port and a private address are right
    """

    hosts: tuple[str, ...]
    own: tuple[str, str, int] | None = None

    @classmethod
    def of(cls, hosts: str, site: str) -> "Allowed":
        """hosts: names separated by commas; site: the address of the site."""
        names = tuple(name.strip().lower().lstrip(".") for name in hosts.split(",") if name.strip(" ."))
        try:
            origin = parsed(site).origin
        except Forbidden:
            return cls(names)
        known = cls(names)
        public_site = origin[0] == "https" and origin[2] == 443 and origin[1] == "chaturbate.com"
        return known if public_site or known.knows(origin[1]) else cls(names, origin)

    @property
    def is_at_home(self) -> bool:
        """The site is this machine itself."""
        return self.own is not None and self.own[1] in LOOPBACK

    def knows(self, host: str) -> bool:
        return any(host == name or host.endswith(f".{name}") for name in self.hosts)

    def place(self, url: str) -> Place:
        """Where this address leads.

        raises  Forbidden
        """
        place = parsed(url)
        if place.origin == self.own:
            return place
        if not self.knows(place.host):
            raise Forbidden(f"{place.host} is not one of the hosts that pictures come from")
        if place.scheme != "https" or place.port != 443:
            raise Forbidden("not https on its own port")
        return place

    def may_connect(self, place: Place, address: str) -> bool:
        """May this place be looked for at this numeric address?"""
        return place.origin == self.own or is_public(address)


def parsed(url: str) -> Place:
    """raises  Forbidden for what is no plain http(s) address"""
    match = _PATTERN.fullmatch(url) if len(url) <= 2_000 else None
    if match is None:
        raise Forbidden("not a plain web address")
    scheme, host = match["scheme"].lower(), match["host"].lower()
    port = int(match["port"]) if match["port"] else _PORTS[scheme]
    if not 0 < port < 65_536:
        raise Forbidden("not a plain web address")
    target = match["target"]
    return Place(scheme, host, port, target if target.startswith("/") else f"/{target}")


def is_public(address: str) -> bool:
    """Is this numeric address somewhere on the internet, and not in this machine or its network?"""
    try:
        ip: IPv4Address | IPv6Address = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        if ip.is_site_local:  # of old, and still somebody's own network
            return False
        inner = [ip.ipv4_mapped, ip.sixtofour, ip.teredo[1] if ip.teredo else None]
        if ip in _NAT64:
            inner.append(IPv4Address(int(ip) & 0xFFFFFFFF))
        within = [one for one in inner if one is not None]
        if within:
            return all(is_public(str(one)) for one in within)
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_link_local or ip.is_loopback
                                 or ip.is_private or ip.is_unspecified)
