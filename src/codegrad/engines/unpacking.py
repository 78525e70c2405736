"""What a server has compressed, unpacked while it arrives.

In: the name of an encoding and bytes as they come. Out: bytes. Invariant: never more
at once than is asked for, however much a few bytes stand for.
"""

import zlib

_ZIPPED = 32 + zlib.MAX_WBITS
"""Tells zlib to find out whether it is gzip or deflate."""

_MAGIC = b"\x1f\x8b"
_START = 1000
_NAMES = frozenset({"gzip", "x-gzip", "deflate"})


def encodings(header: str) -> list[str]:
    """Return what was done to a reply, by its `Content-Encoding`.

    Example:
        >>> encodings("GZIP"), encodings("identity"), encodings("gzip, br")
        (['gzip'], [], ['gzip', 'br'])
    """
    names = (name.strip().lower() for name in header.split(","))
    return [name for name in names if name not in {"", "identity"}]


def is_known(names: list[str]) -> bool:
    """Return whether `Unpacking` can undo it."""
    return len(names) == 1 and names[0] in _NAMES


class Unpacking:
    """Unpacks gzip and deflate piece by piece.

    Example:
        >>> Unpacking().feed(zlib.compress(b"a" * 9), most=4)
        b'aaaa'
    """

    def __init__(self) -> None:
        self._zip = zlib.decompressobj(_ZIPPED)
        self._held: bytes | None = b""
        """What came before anything could be unpacked."""

    def feed(self, chunk: bytes, most: int) -> bytes:
        """Return what `chunk` adds, at most so many bytes.

        Raises:
            zlib.error: If it is not compressed.
        """
        if self._held is None:
            out = self._zip.decompress(chunk, most)
        else:
            out = self._begin(self._held, chunk, most)
        # A file of gzip may be several, one after the other.
        while self._zip.eof and len(out) < most:
            rest = self._zip.unused_data
            if rest[:2] != _MAGIC:
                break
            self._zip = zlib.decompressobj(_ZIPPED)
            out += self._zip.decompress(rest, most - len(out))
        return out

    def _begin(self, held: bytes, chunk: bytes, most: int) -> bytes:
        """Unpack the start; some who say deflate leave out the frame around it."""
        held += chunk
        try:
            out = self._zip.decompress(chunk, most)
        except zlib.error:
            self._zip = zlib.decompressobj(-zlib.MAX_WBITS)
            out = self._zip.decompress(held, most)
        self._held = None if out or len(held) > _START else held
        return out
