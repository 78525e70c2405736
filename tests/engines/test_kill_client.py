"""A process that is killed while it asks: nothing is lost and nothing paid twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from codegrad.engines.streams import reply_text
from codegrad.store.calls import CallBook

ASKING = """
import json
import sys
from pathlib import Path
from codegrad.budget import Budget
from codegrad.engines.chat import ChatRequest, Message, Role
from codegrad.engines.client import ChatClient
from codegrad.engines.patience import Patience
from codegrad.engines.providers import ProviderWire
from codegrad.store.calls import CallBook
folder, url = Path(sys.argv[1]), sys.argv[2]
client = ChatClient(ProviderWire("openai:loop", base_url=url),
    CallBook(folder / "calls.db"), payer="run", patience=Patience(parallel=4))
asks = [ChatRequest("openai:loop", url, (Message(Role.USER, "x" * n),), sample=sample)
    for n in range(1, 11) for sample in range(3)]
print("ready", flush=True)
answers = client.ask(asks, budget=Budget())
print(json.dumps([[r.key, a.reply.text] for r, a in zip(asks, answers)]))
print(client.lost, client.spent.calls)
client.close()
"""


def asking(folder: Path, url: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", ASKING, str(folder), url],
        stdout=subprocess.PIPE,
        text=True,
    )


def recorded(folder: Path) -> dict[str, str]:
    """Return the replies that are on the disk, by the key of their question."""
    with CallBook(folder / "calls.db") as book:
        return {
            call.key: reply_text(call.kind or "", call.body or b"")
            for call in book.calls()
            if call.status == 200
        }


@pytest.mark.slow
def test_a_client_that_is_killed_pays_nothing_twice(tmp_path: Path) -> None:
    """Kill at moments spread over the requests; at most the open ones are unknown.

    Three samples of each question are asked for and no reply comes twice, so that a
    reply which is used for another sample shows.
    """
    for moment in range(6):
        folder = tmp_path / str(moment)
        folder.mkdir()
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.engines.chat_server", str(folder)]
        )
        try:
            while not (folder / "address").exists():
                time.sleep(0.02)
            url = (folder / "address").read_text()
            first = asking(folder, url)
            assert first.stdout is not None
            first.stdout.readline()
            billed = folder / "billed"
            while not billed.exists() or len(billed.read_text().splitlines()) < (
                1 + 5 * moment
            ):
                time.sleep(0.005)
            os.kill(first.pid, signal.SIGKILL)
            first.communicate()
            before = recorded(folder)
            second = asking(folder, url)
            output, _ = second.communicate()
        finally:
            server.kill()
            server.wait()
        _, answers, numbers = output.splitlines()
        lost, _paid = map(int, numbers.split())
        used = json.loads(answers)
        assert [text.partition(":")[0] for _, text in used] == [
            str(n) for n in range(1, 11) for _ in range(3)
        ]
        assert len({text for _, text in used}) == 30, "a reply was used twice"
        assert dict(used).items() >= before.items(), "another reply came instead"
        times = [json.loads(line) for line in billed.read_text().splitlines()]
        assert set(Counter(times)) == {"x" * n for n in range(1, 11)}
        # A reply that was on its way when the process died cannot be known.
        assert len(times) - 30 <= lost <= 4
