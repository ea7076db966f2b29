"""Waits after wrong codes, longer with each one, for the address that tried.

Wrong codes of one person from all addresses together cost a short wait alone, so that no stranger can keep the person out.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

# Wrong codes before the first wait. Many: a classroom often has one address.
FREE_FOR_A_PERSON, FREE_FOR_AN_ADDRESS = 5, 30
FREE_FOR_A_PASSWORD = 20  # that many people type
FROM_EVERYWHERE = 10  # times as many wrong codes of one person are free when they come from several addresses
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
            place = network(address)
            counts = (
                (self._count(f"person {person} from {place}", now), free, LONGEST_WAIT),
                (self._count(f"address {place}", now), FREE_FOR_AN_ADDRESS, LONGEST_WAIT),
                (self._count(f"person {person}", now), FROM_EVERYWHERE * free, FIRST_WAIT),
            )
            if (wait := max(count.until for count, *_ in counts) - now) > 0:
                return wait
            for count, most, longest in counts:
                count.wrong, count.latest = count.wrong + 1, now
                if count.wrong >= most:
                    count.until = now + min(longest, FIRST_WAIT * 2 ** min(count.wrong - most, 20))
            return 0.0

    def right(self, person: str, address: str) -> None:
        """The attempt was right: the person's counts begin again, and the address's is as before the attempt."""
        with self._lock:
            place = network(address)
            self._counts.pop(f"person {person}", None)
            self._counts.pop(f"person {person} from {place}", None)
            if count := self._counts.get(f"address {place}"):
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
