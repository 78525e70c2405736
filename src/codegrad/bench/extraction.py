"""Is code found in replies? Recorded completions in the forms in which models answer.

    python -m codegrad.bench.extraction --data DIR [--share 1.0]

Each distinct completion of the files in DIR that parses is wrapped in every form and
extracted again. Printed for each form: how many came back exactly (every definition,
or the whole program, as it was), how many were refused with a reason, and how many
came back as something else, of which there must be none. Cut replies must be refused
or lose nothing that was there: no line may appear that nobody wrote.
"""

import argparse
import ast
import difflib
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from codegrad.bench.rows import read_rows
from codegrad.engines.extraction import Extraction, extract
from codegrad.engines.merging import parse_quietly
from codegrad.errors import CodeGradError

COMPLETIONS = (
    "pool_humaneval_*",
    "pool_livecodebench_*",
    "right_*_dev",
    "wrong_*_dev",
)
"""Patterns of the files with completions."""

CUT = "cut off"
"""The form in which the reply breaks off in the middle of the code."""

Wrap = Callable[[str, str], str]


def _listed(code: str, name: str) -> str:
    del name
    fenced = f"```python\n{code}\n```".split("\n")
    return "1. The code:\n\n" + "\n".join(f"   {x}" if x else x for x in fenced)


FORMS: Mapping[str, Wrap] = {
    "fence": lambda code, _: f"```python\n{code}\n```",
    "prose and fence": lambda code, name: (
        f"Here is it:\n\n```python\n{code}\n```\n\nIt works, as `{name}` must."
    ),
    "fence without language": lambda code, _: f"Sure!\n```\n{code}\n```",
    "thinking": lambda code, name: (
        f"<think>\nMaybe ```python\ndef {name}(): pass\n``` no.\n</think>\n\n"
        f"```python\n{code}\n```"
    ),
    "end of thinking": lambda code, name: (
        f"So def {name}(x): is it.\n</think>\n```python\n{code}\n```"
    ),
    "no fence": lambda code, _: code,
    "prose, no fence": lambda code, _: (
        f"Here is the code:\n\n{code}\n\nThis solves the task."
    ),
    "example of use": lambda code, name: (
        f"```python\n{code}\n```\nUsage:\n```python\nprint({name}())\n```"
    ),
    "tildes": lambda code, _: f"~~~python\n{code}\n~~~",
    "four backticks": lambda code, _: f"````python\n{code}\n````",
    "CRLF": lambda code, _: f"Answer:\n```python\n{code}\n```".replace("\n", "\r\n"),
    "draft first": lambda code, name: (
        f"First idea:\n```python\ndef {name}(*a):\n    return None\n```\n"
        f"That is wrong. Final:\n```python\n{code}\n```"
    ),
    "other languages": lambda code, _: (
        f"```bash\npython x.py\n```\n```python\n{code}\n```\n```text\n42\n```"
    ),
    "fence not closed": lambda code, _: f"```python\n{code}\n",
    "in a list": _listed,
    "in Chinese": lambda code, _: (
        f"下面是修正后的代码。\n\n```python\n{code}\n```\n\n希望对你有帮助。"
    ),
}
"""How models wrap code; each takes the code and the name of its function."""


@dataclass(frozen=True, slots=True)
class Original:
    """A recorded completion."""

    task_id: str
    code: str
    entry_point: str
    """Empty for a program."""

    is_right: bool = False


def originals(folder: Path) -> Iterator[Original]:
    """Yield the distinct completions that parse and define their function.

    Raises:
        DatasetError: If a file cannot be read.
    """
    seen: set[str] = set()
    for pattern in COMPLETIONS:
        for path in sorted(folder.glob(f"{pattern}.jsonl.gz")):
            for row in read_rows(path)[0]:
                code = str(row["code"]).strip("\n")
                tree = parse_quietly(code)
                if tree is None or not tree.body or code in seen:
                    continue
                seen.add(code)
                task = str(row["task_id"])
                name = "" if task.startswith("LCB/") else _function(row, tree)
                if name is not None:
                    right = path.name.startswith("right_")
                    yield Original(task, code, name, right)


def _function(row: Mapping[str, object], tree: ast.Module) -> str | None:
    """Return the name of the function that a completion has to define."""
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    wanted = row.get("entry_point") or (names[-1] if len(names) == 1 else None)
    return str(wanted) if wanted in names else None


def is_exact(original: Original, found: Extraction) -> bool:
    """Return whether an extraction is the original, definition by definition."""
    if found.source is None:
        return False
    if not original.entry_point:
        return found.source.strip() == original.code.strip()
    return _definitions(found.source) == _definitions(original.code)


def _definitions(text: str) -> dict[str, str]:
    tree = parse_quietly(text)
    return {
        node.name: ast.dump(node)
        for node in (tree.body if tree else [])
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }


def edit_replies(before: str, after: str) -> dict[str, str]:
    """Return the change from one text to another as models write it."""
    old, new = before.splitlines(), after.splitlines()
    blocks: list[str] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(2):
        (_, start, _, first, _), (_, _, end, _, last) = group[0], group[-1]
        searched = "\n".join(old[start:end])
        blocks.append(
            f"<<<<<<< SEARCH\n{searched}\n=======\n"
            + "\n".join(new[first:last])
            + "\n>>>>>>> REPLACE"
        )
    diff = difflib.unified_diff(old, new, "a/m.py", "b/m.py", lineterm="")
    return {
        "search/replace": "Two edits:\n\n" + "\n\n".join(blocks),
        "search/replace, trailing blanks": "\n\n".join(
            block.replace("\n=======", "  \n=======") for block in blocks
        ),
        "unified diff": "```diff\n" + "\n".join(diff) + "\n```",
    }


def invented(found: Extraction, *written: str) -> list[str]:
    """Return the lines of an extraction that stand in none of the texts."""
    known = {line.strip() for text in written for line in text.splitlines()}
    lines = (found.source or "").splitlines()
    return [line for line in lines if line.strip() not in {*known, ""}]


def measure(chosen: Sequence[Original], rng: random.Random) -> dict[str, Counter[str]]:
    """Return how often each form came back exactly, refused, or changed."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    right: dict[str, list[Original]] = defaultdict(list)
    for original in chosen:
        if original.is_right and original.entry_point:
            right[original.task_id].append(original)
    for original in chosen:
        for form, wrap in FORMS.items():
            reply = wrap(original.code, original.entry_point or "main")
            found = extract(reply, current="", entry_point=original.entry_point)
            counts[form][_outcome(found, exact=is_exact(original, found))] += 1
        position = rng.randrange(1, max(2, len(original.code)))
        cut = f"```python\n{original.code[:position]}"
        found = extract(cut, current="", entry_point=original.entry_point, is_cut=True)
        clean = found.source is not None and not invented(found, original.code)
        counts[CUT][_outcome(found, exact=clean)] += 1
        goals = right[original.task_id]
        if goals and original.entry_point and not original.is_right:
            goal = rng.choice(goals)
            for form, reply in edit_replies(original.code, goal.code).items():
                found = extract(
                    reply, current=original.code, entry_point=goal.entry_point
                )
                exact = _same_lines(found.source or "", goal.code)
                counts[form][_outcome(found, exact=exact)] += 1
    return counts


def _outcome(found: Extraction, *, exact: bool) -> str:
    if found.source is None:
        return "refused"
    return "exact" if exact else "changed"


def _same_lines(first: str, second: str) -> bool:
    return [x.rstrip() for x in first.splitlines() if x.strip()] == [
        x.rstrip() for x in second.splitlines() if x.strip()
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 if code came back that nobody wrote."""
    parser = argparse.ArgumentParser(prog="python -m codegrad.bench.extraction")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--share", type=float, default=1.0, help="of the completions")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    rng = random.Random(options.seed)  # noqa: S311 - a sample
    try:
        chosen = [o for o in originals(options.data) if rng.random() < options.share]
    except CodeGradError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    if not chosen:
        sys.stderr.write(f"error: {options.data} has no completions\n")
        return 2
    counts = measure(chosen, rng)
    lines = [
        f"{len(chosen):,} distinct completions",
        f"{'form':<34}{'exact':>8}{'refused':>9}{'changed':>9}{'share':>9}",
    ]
    for form, found in counts.items():
        lines.append(
            f"{form:<34}{found['exact']:>8}{found['refused']:>9}{found['changed']:>9}"
            f"{found['exact'] / found.total():>9.2%}"
        )
    whole = sum((c for form, c in counts.items() if form != CUT), Counter[str]())
    lines.append(f"recovered exactly: {whole['exact'] / whole.total():.3%}")
    sys.stdout.write("\n".join(lines) + "\n")
    return int(sum(c["changed"] for c in counts.values()) > 0)


if __name__ == "__main__":
    sys.exit(main())
