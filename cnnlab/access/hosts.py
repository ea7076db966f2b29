"""Which addresses a request may come from and be for: the guard against rebound names, foreign sites and forged proxies."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from urllib.parse import SplitResult, urlsplit


def is_loopback(address: str | None) -> bool:
    """Whether only programs of this machine reach an address, such as localhost, 127.0.0.1, ::1 or a Unix socket."""
    if not address:
        return False
    if address.startswith(("/", "unix:")) or address.lower().rstrip(".") == "localhost":
        return True
    ip = _ip(address)
    return ip is not None and ip.is_loopback


@lru_cache(maxsize=256)
def host_allowed(host: str | None, allowed: tuple[str, ...], own: tuple[str, ...] = ()) -> bool:
    """Whether the lab answers under this `Host`.

    `allowed` are names, `*.school.org` and `*`. With none, the lab answers to addresses of digits, which no foreign name server can
    point elsewhere, to names of this machine, and to its `own`.
    """
    name = host_name(host)
    if not name:
        return False
    if not allowed:
        return name in own_names() or name in own or _ip(name) is not None
    for pattern in (each.strip().lower().rstrip(".") for each in allowed):
        if pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:])):
            return True
    return False


@lru_cache(maxsize=256)
def origin_allowed(origin: str | None, host: str | None) -> bool:
    """Whether a page of this origin may act here: the lab's own pages, and programs, which send no origin."""
    if origin is None:
        return True
    parts = _split(origin)
    return parts is not None and parts.scheme in ("http", "https") and _plain(parts.netloc) == _plain(host or "")


def host_name(host: str | None) -> str:
    """The name in a `Host` header without its port; "" where the header is missing or malformed."""
    parts = _split(f"//{host}") if host else None
    if parts is None or parts.path or parts.query or parts.fragment or parts.username is not None or not parts.hostname:
        return ""
    return parts.hostname.lower().rstrip(".")


@cache
def own_names() -> frozenset[str]:
    """localhost, and the names that this machine gives itself."""
    name = socket.gethostname().lower()
    return frozenset({"localhost", name, name.partition(".")[0], f"{name.partition('.')[0]}.local"})


def within(address: str | None, networks: Iterable[str]) -> bool:
    """Whether an address is one of these addresses, or in one of these networks."""
    ip = _ip(address or "")
    return ip is not None and any(ip in ipaddress.ip_network(network) for network in networks)


def is_proxy(peer: str, proxies: Sequence[str]) -> bool:
    """Whether a peer may say for whom it asks: a program of this machine, and the proxies that the class names."""
    return is_loopback(peer) or within(peer, proxies)


def client_of(peer: str, forwarded: str | None, proxies: Sequence[str]) -> str:
    """Who asks: the peer or, where that is a proxy of this lab, the last address in X-Forwarded-For that is none."""
    if not forwarded or not is_proxy(peer, proxies):
        return peer
    for address in reversed([each.strip() for each in forwarded.split(",")]):
        if _ip(address) is None:
            return peer
        if not is_proxy(address, proxies):
            return address
    return peer


def _ip(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        ip = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return getattr(ip, "ipv4_mapped", None) or ip


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        return None
    return parts


def _plain(netloc: str) -> str:
    return netloc.lower().removesuffix(":80").removesuffix(":443")
