"""Shares of a piece of work that can be done on different machines."""

import re
from dataclasses import dataclass
from typing import Protocol

from codegrad.errors import UsageError


class Keyed(Protocol):
    """A piece of work that is identified by its content."""

    @property
    def key(self) -> bytes:
        """At least eight bytes of a hash of the content."""
        ...


@dataclass(frozen=True, slots=True)
class Shard:
    """A share of the work, chosen by content: the same on every machine."""

    index: int = 1
    """Which share, from 1."""

    count: int = 1
    """How many shares there are."""

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Return the share that `i/n` means.

        Raises:
            UsageError: If it has another form or there is no such share.

        Example:
            >>> Shard.parse("2/8")
            Shard(index=2, count=8)
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise UsageError(f"{text!r} is not of the form i/n with 1 <= i <= n")
        return cls(int(found[1]), int(found[2]))

    def holds(self, work: Keyed) -> bool:
        """Return whether a piece of work belongs to this share."""
        return int.from_bytes(work.key[:8], "big") % self.count == self.index - 1
