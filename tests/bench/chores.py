"""Work for crews, importable by its name in other processes."""

import os
import signal
import time
from pathlib import Path

from codegrad.errors import DatasetError


def square(number: int) -> tuple[int, int, int]:
    return number, number * number, os.getpid()


def die_once(item: tuple[str, int]) -> int:
    folder, number = item
    mark = Path(folder) / str(number)
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def refuse(number: int) -> int:
    raise DatasetError(f"number {number} is not in the file")


def stumble(number: int) -> float:
    return 1 / number


def mark_and_stay(item: tuple[str, int]) -> int:
    folder, number = item
    if number:
        (Path(folder) / f"{os.getpid()}").touch()
        time.sleep(3600)
    return number


def take_a_while(item: tuple[str, int]) -> int:
    folder, number = item
    (Path(folder) / f"{number}.{os.getpid()}.{time.monotonic_ns()}").touch()
    time.sleep(0.4)
    return number
