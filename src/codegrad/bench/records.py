"""Read the records that a candidate's process wrote (`codegrad.sandbox.answering`).

Everything here was written by untrusted code. Plain values are in the `marshal`
format, which Python's own reader does not load safely; the reader below knows the
plain builtins only and builds nothing else.
"""

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from codegrad.errors import CodeGradError
from codegrad.sandbox import Opaque, answering, decode

MAX_DEPTH = 200
"""Values that are nested deeper are not read."""


class MalformedError(CodeGradError):
    """A candidate's process broke the format of its records."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record."""

    kind: bytes
    """What it says; one of the constants of `codegrad.sandbox.answering`."""

    body: bytes
    """Its content."""

    @property
    def data(self) -> bytes:
        """The bytes of the whole record."""
        return answering.record(self.kind, self.body)


def split_records(
    data: bytes | bytearray, start: int = 0
) -> Iterator[tuple[int, Record]]:
    """Yield each complete record from `start`, and where it ends.

    Example:
        >>> data = answering.record(b"M", b"T") + answering.record(b".", b"")
        >>> [(end, one.kind) for end, one in split_records(data)]
        [(6, b'M'), (11, b'.')]
    """
    head = answering.RECORD
    while len(data) - start >= head.size:
        kind, size = head.unpack_from(data, start)
        stop = start + head.size + size
        if len(data) < stop:
            return
        yield stop, Record(kind, bytes(data[start + head.size : stop]))
        start = stop


def read_value(record: Record) -> Any:  # noqa: ANN401 - any plain value
    """Return the value of a `PLAIN` or `ENCODED` record.

    What is not a plain value comes back as an `Opaque`.

    Raises:
        MalformedError: If the body has another form.

    Example:
        >>> import marshal
        >>> read_value(Record(b"M", marshal.dumps([1, (2.5, {"a"})], 2)))
        [1, (2.5, {'a'})]
    """
    try:
        if record.kind == answering.PLAIN:
            return _Reader(record.body).value(0)
        return decode(json.loads(record.body)[1])
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        RecursionError,
        TypeError,
        ValueError,
        struct.error,
    ) as error:
        raise MalformedError(f"a value could not be read: {error}") from error


def own_class(record: Record) -> str:
    """Return the class of the candidate's with an own `__eq__` that it returned."""
    if record.kind != answering.ENCODED:
        return ""
    try:
        return str(json.loads(record.body)[0])[:100]
    except (LookupError, RecursionError, TypeError, ValueError):
        return ""


class _Reader:
    """A reader of `marshal` format 2 that builds plain builtins only."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def value(self, depth: int) -> Any:  # noqa: ANN401
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        kind = self.take(1)
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        reader = _READERS.get(kind)
        if reader is None:
            raise ValueError(f"unknown kind {kind!r}")
        return reader(self, depth + 1)

    def take(self, size: int) -> bytes:
        part = self.data[self.at : self.at + size]
        if len(part) != size or size < 0:
            raise ValueError("too short")
        self.at += size
        return part

    def number(self, form: str = "<i") -> Any:  # noqa: ANN401
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self) -> str:
        return self.take(self.number()).decode("utf-8", "surrogatepass")

    def items(self, depth: int) -> list[Any]:
        count = self.number()
        if not 0 <= count <= len(self.data) - self.at:
            raise ValueError("too many items")
        return [self.value(depth) for _ in range(count)]

    def long(self) -> int:
        count = self.number()
        digits = struct.unpack(f"<{abs(count)}H", self.take(2 * abs(count)))
        # 15 bits a digit; joined as text, because shifting one by one is quadratic.
        bits = "".join(f"{digit:015b}" for digit in reversed(digits))
        value = int(bits or "0", 2)
        return -value if count < 0 else value

    def mapping(self, depth: int) -> dict[Any, Any]:
        found = {}
        while self.data[self.at : self.at + 1] != b"0":
            key = self.value(depth)
            found[key] = self.value(depth)
        self.at += 1
        return found


_CONSTANTS = {b"N": None, b"T": True, b"F": False, b".": Opaque("ellipsis")}
_READERS: dict[bytes, Callable[[_Reader, int], Any]] = {
    b"i": lambda reader, _: reader.number(),
    b"l": lambda reader, _: reader.long(),
    b"g": lambda reader, _: reader.number("<d"),
    b"y": lambda reader, _: complex(reader.number("<d"), reader.number("<d")),
    b"s": lambda reader, _: reader.take(reader.number()),
    b"u": lambda reader, _: reader.text(),
    b"(": lambda reader, depth: tuple(reader.items(depth)),
    b"[": lambda reader, depth: reader.items(depth),
    b"<": lambda reader, depth: set(reader.items(depth)),
    b">": lambda reader, depth: frozenset(reader.items(depth)),
    b"{": lambda reader, depth: reader.mapping(depth),
}
