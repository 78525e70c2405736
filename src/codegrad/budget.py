"""What a run may spend and what it has spent.

In: numbers from the caller. Out: `Budget` (limits, a value) and `Spent` (a ledger).
Invariant: a limit of None means unlimited; a ledger never decreases.
"""

import math
import re
from dataclasses import asdict, dataclass, fields, replace

from codegrad.errors import UsageError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Spent:
    """A ledger of what was used; `+` adds two, `-` tells what was used since.

    Example:
        >>> (Spent(calls=3, tokens=90) - Spent(calls=1, tokens=40)).to_dict()["tokens"]
        50
    """

    candidates: int = 0
    """Programs that the search tried."""

    seconds: float = 0.0
    """Wall-clock seconds."""

    calls: int = 0
    """Requests to language models."""

    tokens: int = 0
    """Tokens in and out of language models."""

    money: float = 0.0
    """US dollars."""

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in _FIELDS}
        )

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(
            **{f.name: getattr(self, f.name) - getattr(other, f.name) for f in _FIELDS}
        )

    def to_dict(self) -> dict[str, float]:
        """Return the ledger as plain numbers by name."""
        return asdict(self)


_FIELDS = fields(Spent)


@dataclass(frozen=True, slots=True)
class Budget:
    """Upper limits for one run; None is unlimited.

    The built-in search stops at `candidates`, which makes a run the same on every
    machine; `seconds` is there for people who have to leave.

    Example:
        >>> Budget.parse("candidates=500,seconds=2m")
        Budget(candidates=500, seconds=120.0, calls=None, tokens=None, money=None)
        >>> Budget.parse("800").left(Spent(candidates=300)).candidates
        500
    """

    candidates: int | None = 60_000
    seconds: float | None = None
    calls: int | None = None
    tokens: int | None = None
    money: float | None = None

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Read `800`, `candidates=800`, `90s`, `seconds=2m,candidates=5000`.

        Raises:
            UsageError: If a part has no known name or no positive number.
        """
        limits: dict[str, float | int] = {}
        for part in filter(None, (p.strip() for p in text.split(","))):
            name, _, value = part.rpartition("=")
            number = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", value.strip())
            if not number:
                raise UsageError(
                    f"cannot read the budget {part!r}; write for example "
                    "`--budget 20000`, `--budget 90s` or "
                    "`--budget candidates=5000,seconds=2m`"
                )
            amount, unit = float(number[1]), number[2]
            if not math.isfinite(amount):
                raise UsageError(
                    "the budget is too large a number; leave it out for no limit"
                )
            name = name.strip() or ("seconds" if unit else "candidates")
            if name not in {f.name for f in fields(cls)} or (
                unit and name != "seconds"
            ):
                known = ", ".join(f.name for f in fields(cls))
                raise UsageError(f"unknown budget {part!r}; known: {known}")
            whole = name in {"candidates", "calls", "tokens"}
            limits[name] = int(amount) if whole else amount * _UNITS.get(unit, 1.0)
        return replace(cls(), **limits)  # type: ignore[arg-type]  # by name, checked

    def overlay(self, other: "Budget") -> "Budget":
        """Return the stricter of the two limits for each resource."""
        return Budget(
            **{
                f.name: min(
                    (
                        value
                        for value in (getattr(self, f.name), getattr(other, f.name))
                        if value is not None
                    ),
                    default=None,
                )
                for f in fields(self)
            }
        )

    def split(self, parts: int) -> "Budget":
        """Return one share of `parts` equal shares (whole numbers round up)."""

        def share(value: float | None) -> float | None:
            if value is None:
                return None
            return -(-value // parts) if isinstance(value, int) else value / parts

        return Budget(
            **{f.name: share(getattr(self, f.name)) for f in fields(self)}  # type: ignore[arg-type]  # keeps int and float apart
        )

    def left(self, spent: Spent) -> "Budget":
        """Return what remains after `spent`; never below zero."""

        def rest(name: str) -> float | None:
            limit = getattr(self, name)
            return None if limit is None else max(0, limit - getattr(spent, name))

        return Budget(**{f.name: rest(f.name) for f in fields(self)})  # type: ignore[arg-type]  # keeps int and float apart

    def unpaid(self) -> "Budget":
        """Return the limits without those of 0 on what models cost.

        They forbid models, and leave what costs nothing.

        Example:
            >>> Budget(calls=0, tokens=9).unpaid()
            Budget(candidates=60000, seconds=None, calls=None, tokens=9, money=None)
        """
        return Budget(
            self.candidates,
            self.seconds,
            self.calls or None,
            self.tokens or None,
            self.money or None,
        )

    def allows_more(self, other: "Budget") -> bool:
        """Return whether more may be asked of models than `other` allows.

        Example:
            >>> Budget(calls=9).allows_more(Budget(calls=4))
            True
            >>> Budget(calls=4, candidates=9).allows_more(Budget(calls=4, candidates=1))
            False
        """
        return any(
            old is not None and (new is None or new > old)
            for new, old in (
                (self.seconds, other.seconds),
                (self.calls, other.calls),
                (self.tokens, other.tokens),
                (self.money, other.money),
            )
        )

    def raised(self, spent: Spent, *, for_models: bool = True) -> str:
        """Return the limits with those doubled that are spent.

        As `parse` reads it; empty if there is nothing to raise. With `for_models` a
        limit of models is raised in any case, the nearest if none is spent: a request
        may need more than is left. A limit of 0 candidates forbids the search, and
        stays.

        Example:
            >>> Budget(calls=4, seconds=90.0).raised(Spent(calls=4, seconds=20))
            'calls=8,seconds=90'
            >>> Budget(50).raised(Spent(candidates=50), for_models=False)
            'candidates=100'
        """
        usual = Budget()
        limits = {
            f.name: limit
            for f in fields(self)
            if (limit := getattr(self, f.name)) is not None
        }

        def used(name: str) -> float:
            return float(getattr(spent, name) / (limits[name] or 1))

        over = {n for n in limits if getattr(spent, n) >= limits[n]}
        if not self.candidates:
            over.discard("candidates")
        of_models = [name for name in limits if name != "candidates"]
        if for_models and of_models and over.isdisjoint(of_models):
            over.add(max(of_models, key=used))
        if not over:
            return ""
        new = {n: 2 * limits[n] or 1 if n in over else limits[n] for n in limits}
        told = [n for n in new if new[n] != getattr(usual, n)]
        # Models come first: a limit of theirs is what most often ends a run.
        told.sort(key=lambda n: (n == "candidates", n not in over))
        return ",".join(f"{n}={new[n]:.12g}" for n in told)

    def exhausted(self, spent: Spent) -> str | None:
        """Return the name of the first limit that `spent` has reached, or None."""
        for field in fields(self):
            limit = getattr(self, field.name)
            if limit is not None and getattr(spent, field.name) >= limit:
                return field.name
        return None
