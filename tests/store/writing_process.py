"""A process that writes a run until it is killed or has written enough.

Prints one line for each event after `append` returned, which is the promise that the
event is on the disk. Run by the tests of the journal.
"""

import sys

from codegrad.events import Event
from codegrad.store.journal import Store


def main(path: str, run_id: str, count: int) -> None:
    """Append `count` events to `run_id`, or to a new run if it is empty."""
    store = Store(path)
    if run_id:
        run = store.open(run_id)
        run.claim()
    else:
        run = store.create("{}", "{}", "written elsewhere")
    sys.stdout.write(f"{run.id}\n")
    sys.stdout.flush()
    for number in range(count):
        event = run.append(Event("stepped", number, {"text": f"{number} " * 300}))
        sys.stdout.write(f"{event.seq}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
