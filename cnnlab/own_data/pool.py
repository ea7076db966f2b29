"""Decodes pictures on all cores while the source is read. A few are decoded in this process: starting others takes longer."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice

import numpy as np

from cnnlab.errors import DataError
from cnnlab.i18n import N_
from cnnlab.own_data.decoding import Decoded, Kind, Task, decode
from cnnlab.own_data.member import Member
from cnnlab.system import processes

FEW = 300  # pictures that are decoded in this process
_BATCH, _BATCH_BYTES = 128, 8_000_000  # pictures that travel together, and their bytes
_AHEAD = 3  # batches that wait for each process

Found = tuple[Member, bytes | None]


def decoded(contents: Iterable[Found], task: Task, count: int | None = None) -> Iterator[tuple[Member, Kind | None, np.ndarray]]:
    """Each picture with what it was, None for one that cannot be read, and its pixels uint8 C×S×S; in the order of the source."""
    rest = iter(contents)
    first = list(islice(rest, FEW))
    if len(first) < FEW:
        for batch in _batches(first):
            yield from _rows(batch, decode([content for _, content in batch], task))
        return
    count = count or processes.cores()
    # Started afresh, as everywhere that is no Linux: a fork would take over locks and open files.
    with ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _begin) as pool:
        waiting: deque[tuple[list[Found], Future[Decoded]]] = deque()
        try:
            for batch in _batches(chain(first, rest)):
                waiting.append((batch, pool.submit(decode, [content for _, content in batch], task)))
                if len(waiting) > _AHEAD * count:
                    done, future = waiting.popleft()
                    yield from _rows(done, future.result())
            for done, future in waiting:
                yield from _rows(done, future.result())
        except BrokenProcessPool:
            message = N_(
                "The import ended because a picture could not be decoded in the memory that is free: import fewer at a time."
            )
            raise DataError(message) from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _rows(batch: list[Found], found: Decoded) -> Iterator[tuple[Member, Kind | None, np.ndarray]]:
    return ((member, kind, pixels) for (member, _), kind, pixels in zip(batch, found.kinds, found.pixels, strict=True))


def _batches(contents: Iterable[Found]) -> Iterator[list[Found]]:
    batch: list[Found] = []
    size = 0
    for member, content in contents:
        batch.append((member, content))
        size += len(content or b"")
        if len(batch) >= _BATCH or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _begin() -> None:
    """In each process of the pool: training and pages come first, and Ctrl-C is the parent's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    processes.come_last()
