"""Change what a container says: boxes of MP4, elements of Matroska, tags of FLV.

Written from the formats themselves (ISO/IEC 14496-12, RFC 9559, the FLV specification), so that
what is tested is the reader and not a library's idea of a file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_PARENTS = frozenset(
    {b"moov", b"trak", b"mdia", b"minf", b"dinf", b"stbl", b"edts", b"moof", b"traf"}
)


@dataclass(frozen=True)
class Box:
    """One box of an MP4 file; positions in bytes from the start of the file."""

    kind: bytes
    start: int
    end: int
    parents: tuple[int, ...]
    """Where the boxes around it start."""


def boxes(
    data: bytes, start: int = 0, end: int | None = None, parents: tuple[int, ...] = ()
) -> Iterator[Box]:
    """Yield all boxes of an MP4 file, outer before inner."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        stop = end if size == 0 else min(start + max(size, 8), end)
        yield Box(kind, start, stop, parents)
        if kind in _PARENTS:
            yield from boxes(data, start + 8, stop, (*parents, start))
        start = stop


def box(data: bytes, kind: bytes) -> Box:
    """Return the first box of a kind."""
    return next(found for found in boxes(data) if found.kind == kind)


def patched(data: bytes, kind: bytes, at: int, content: bytes) -> bytes:
    """Return ``data`` with bytes put over a box, ``at`` bytes behind its start."""
    start = box(data, kind).start + at
    return data[:start] + content + data[start + len(content) :]


def replaced(data: bytes, kind: bytes, content: bytes) -> bytes:
    """Return ``data`` with the first box of a kind replaced; the boxes around it grow with it.

    Only for files whose index comes last: places of pictures in the file are not moved.
    """
    old = box(data, kind)
    grown = bytearray(data[: old.start] + content + data[old.end :])
    for parent in old.parents:
        size = struct.unpack_from(">I", grown, parent)[0]
        struct.pack_into(">I", grown, parent, size + len(content) - (old.end - old.start))
    return bytes(grown)


def make_box(kind: bytes, content: bytes) -> bytes:
    """Return a box."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def elsewhere_by_url(path: str) -> bytes:
    """Return a `dref` that says the pictures are in another file, by URL."""
    entry = make_box(b"url ", b"\0\0\0\0" + f"file://{path}".encode() + b"\0")
    return make_box(b"dref", struct.pack(">II", 0, 1) + entry)


def elsewhere_by_alias(path: str) -> bytes:
    """Return a `dref` that says the pictures are in another file, by a QuickTime alias."""
    name = path.rsplit("/", 1)[-1].encode()[:63]
    record = b"\0\0\0\0" + bytes(10) + b"\1" + b"v".ljust(27, b"\0") + bytes(12)
    record += bytes([len(name)]) + name.ljust(63, b"\0") + bytes(16)
    record += struct.pack(">hh", 1, 1) + bytes(16)
    encoded = path.encode()
    record += struct.pack(">hH", 2, len(encoded)) + encoded + b"\0" * (len(encoded) % 2)
    record += struct.pack(">hH", -1, 0)
    return make_box(b"dref", struct.pack(">II", 0, 1) + make_box(b"alis", record))


def reference_movie(path: str) -> bytes:
    """Return a QuickTime file that holds nothing but the address of another."""
    address = f"file://{path}".encode() + b"\0"
    rdrf = make_box(b"rdrf", b"\0\0\0\0url " + struct.pack(">I", len(address)) + address)
    movie = make_box(b"moov", make_box(b"rmra", make_box(b"rmda", rdrf)))
    return make_box(b"ftyp", b"qt  \0\0\0\0qt  ") + movie


def steps(data: bytes, deltas: list[int]) -> bytes:
    """Return an MP4 whose pictures follow each other by ``deltas`` ticks, any 32-bit values."""
    table = b"".join(struct.pack(">II", 1, delta & 0xFFFFFFFF) for delta in deltas)
    content = make_box(b"stts", struct.pack(">II", 0, len(deltas)) + table)
    return replaced(data, b"stts", content)


def retimed_flv(data: bytes, time_of: Callable[[int, int], int]) -> bytes:
    """Return an FLV file whose picture k, stored at t ms, is at ``time_of(k, t)`` ms instead."""
    changed, at, number = bytearray(data), 13, 0
    while at + 11 <= len(changed):
        kind, size = changed[at], int.from_bytes(changed[at + 1 : at + 4], "big")
        # The first video tag holds the decoder's settings.
        if kind == 9 and changed[at + 12] != 0:
            stored = int.from_bytes(changed[at + 4 : at + 7], "big") | changed[at + 7] << 24
            value = (time_of(number, stored) & 0xFFFFFFFF).to_bytes(4, "big")
            changed[at + 4 : at + 8] = value[1:] + value[:1]
            number += 1
        at += 11 + size + 4
    return bytes(changed)


def element(identity: int, content: bytes) -> bytes:
    """Return a Matroska element."""
    name = identity.to_bytes((identity.bit_length() + 7) // 8, "big")
    return name + (len(content) | 1 << 56).to_bytes(8, "big") + content


def elements(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield identity, start and end of the content of each element, side by side.

    An element of unknown length goes to ``end``.
    """
    while start < end:
        width = 9 - data[start].bit_length()
        identity = int.from_bytes(data[start : start + width], "big")
        start += width
        width = 9 - data[start].bit_length()
        length = int.from_bytes(data[start : start + width], "big") & ((1 << 7 * width) - 1)
        start += width
        stop = end if length == (1 << 7 * width) - 1 else min(start + length, end)
        yield identity, start, stop
        start = stop


SEGMENT, INFO, TRACKS, CLUSTER = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675


def rebuilt_matroska(
    data: bytes, extra_info: bytes = b"", extra: bytes = b"", drop: tuple[int, ...] = ()
) -> bytes:
    """Return a Matroska file with more in its Info, more at its end, and without some parts."""
    (head, head_start, head_end), (_, start, end) = list(elements(data, 0, len(data)))[:2]
    parts = []
    for identity, first, last in elements(data, start, end):
        if identity not in drop:
            content = data[first:last] + (extra_info if identity == INFO else b"")
            parts.append(element(identity, content))
    parts.append(extra)
    return element(head, data[head_start:head_end]) + element(SEGMENT, b"".join(parts))


def patched_element(data: bytes, name: bytes, content: bytes) -> bytes:
    """Return ``data`` with the content of the first element ``name`` replaced, its size kept."""
    at = data.index(name) + len(name)
    width = 9 - data[at].bit_length()
    length = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
    start = at + width
    return data[:start] + content[-length:].rjust(length, b"\0") + data[start + length :]
