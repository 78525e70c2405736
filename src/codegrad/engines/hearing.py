"""What is heard of the replies that are on their way, in a few words."""

from dataclasses import dataclass

_TAIL_SHOWN = 40


@dataclass(slots=True)
class Hearing:
    """The replies that are on their way, as far as they have arrived."""

    on_the_way: int = 0
    pieces: int = 0
    """Pieces of text that arrived: about as many tokens."""

    tail: str = ""

    def hear(self, piece: str) -> None:
        """Take notice of a piece of text."""
        if piece:
            self.pieces += 1
            self.tail = (self.tail + piece)[-_TAIL_SHOWN:]

    @property
    def situation(self) -> str:
        """What is going on."""
        many = "reply" if self.on_the_way == 1 else "replies"
        if not self.pieces:
            return f"waiting for {self.on_the_way} {many}"
        words = " ".join(self.tail.split())
        # What is shown while it arrives must not command the terminal.
        end = "".join(c if c.isprintable() else "?" for c in words)
        return f"{self.pieces:,} tokens of {self.on_the_way} {many}: {end}"
