"""Has the names of a contract library, and other things behind them."""

from collections.abc import Callable


def ensure(condition: Callable[..., bool]) -> Callable[..., Callable[..., int]]:
    """Return a decorator that puts its own function in the place of any other."""
    del condition
    return lambda function: lambda n: n + (function is not None)
