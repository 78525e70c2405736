"""What kept a question from being asked that may be asked later.

In: nothing. Out: `Cut`, from harmless to grave. Invariant: what is cut short says
nothing about the task or the model; a run that goes on later asks it again.
"""

from enum import IntEnum


class Cut(IntEnum):
    """Why not all was asked that was wanted; the graver of two is the greater."""

    NOTHING = 0
    """All was asked, or what was not would bring nothing."""

    LIMIT = 1
    """What may be spent did not allow it."""

    OUTAGE = 2
    """The server was not there, or refused everybody."""
