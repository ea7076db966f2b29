"""Waits after wrong codes, longer with each one: for the person whose code was tried, and for the address that tried."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

# Wrong codes before the first wait. Many: a classroom often has one address.
FREE_FOR_A_PERSON, FREE_FOR_AN_ADDRESS = 5, 30
FREE_FOR_A_PASSWORD = 20  # that many people type: one who locks it locks all of them out
FIRST_WAIT, LONGEST_WAIT = 10.0, 900.0  # seconds; each is twice the one before
FORGOTTEN_AFTER = 3600.0  # seconds without a wrong code
MOST_REMEMBERED = 10_000


@dataclass
class _Count:
    wrong: int = 0
    latest: float = 0.0
    until: float = 0.0


class Lockout:
    """Counts in memory: a restart of the server forgets them. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[str, _Count] = {}
        self._lock = threading.Lock()

    def attempt(self, person: str, address: str, free: int = FREE_FOR_A_PERSON) -> float:
        """Seconds to wait; 0.0 where the code may be verified.

        The attempt counts as a wrong one until `right` is called, so that a hundred at the same time are not all free.
        """
        with self._lock:
            now = self._clock()
            counts = self._count(f"person {person}", now), self._count(f"address {network(address)}", now)
            if (wait := max(count.until for count in counts) - now) > 0:
                return wait
            for count, most in zip(counts, (free, FREE_FOR_AN_ADDRESS), strict=True):
                count.wrong, count.latest = count.wrong + 1, now
                if count.wrong >= most:
                    count.until = now + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(count.wrong - most, 20))
            return 0.0

    def right(self, person: str, address: str) -> None:
        """The attempt was right: the person's count begins again, and the address's is as before the attempt."""
        with self._lock:
            self._counts.pop(f"person {person}", None)
            if count := self._counts.get(f"address {network(address)}"):
                count.wrong, count.until = count.wrong - 1, 0.0

    def _count(self, key: str, now: float) -> _Count:
        count = self._counts.pop(key, None)
        if count is None or now > max(count.latest + FORGOTTEN_AFTER, count.until):
            count = _Count()
        self._counts[key] = count  # the last one again
        while len(self._counts) > MOST_REMEMBERED:
            del self._counts[next(iter(self._counts))]
        return count


def network(address: str) -> str:
    """An IPv6 address by its network: one computer has 2⁶⁴ of them."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        return str(found.ipv4_mapped or ipaddress.ip_network((found, 64), strict=False))
    return address
