"""Random small functions with contracts that look true, to attack the prover with.

A contract is made of claims that hold on a few inputs; many are false on others. None
that is false may be proved. Same seed, same functions.
"""

import random
from collections.abc import Iterator

INT, BOOL, LIST, STR = "int", "bool", "list[int]", "str"
_PARAMETERS = {"a": INT, "b": INT, "p": BOOL, "xs": LIST, "ys": LIST, "s": STR}
_PRES = {
    "a": ["a >= 0", "a > 0", "a != 0", "a < 5"],
    "b": ["b >= 0", "b > 0", "b != 0", "b < a"],
    "xs": ["len(xs) > 0", "xs", "all(x >= 0 for x in xs)", "len(xs) >= 2"],
    "ys": ["len(ys) == len(xs)", "len(ys) > 0"],
    "s": ["len(s) > 0"],
}
_CLAIMS = {
    INT: [
        "result == {e}", "result == {e}", "result == {e}", "result >= {e}",
        "result <= {e}", "result > {e}", "result != {e}", "result in xs",
        "-1 <= result < len(xs)", "result % 2 == 0", "result * result >= result",
    ],
    BOOL: [
        "result", "not result", "result == ({e} < {e})", "result == ({e} == {e})",
        "result == ({e} in xs)", "result == all(x > {e} for x in xs)",
        "result == any(x == {e} for x in xs)", "result == bool(xs)",
    ],
    LIST: [
        "len(result) == len(xs)", "len(result) <= {e}", "len(result) == {e}",
        "all(x in xs for x in result)", "result == xs[::-1]", "result == xs",
        "result == sorted(xs)", "all(x >= {e} for x in result)", "sum(result) == {e}",
        "all(result[i] == xs[i] + {e} for i in range(len(result)))",
        "result == [x for x in xs if x > {e}]", "all(x <= {e} for x in result)",
    ],
    STR: ["len(result) == len(s)", "result == s", "result == s[::-1]", "result in s"],
}  # fmt: skip
_ALWAYS = ["True", "True", "xs == old_xs", "len(xs) == len(old_xs)", "ys == old_ys"]


class Writer:
    """Writes one function."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        chosen = self.random.sample(sorted(_PARAMETERS), self.random.randint(1, 3))
        if self.random.random() < 0.6 and "xs" not in chosen:
            chosen.append("xs")
        self.parameters = {n: _PARAMETERS[n] for n in sorted(chosen)}
        self.names = dict(self.parameters)
        self.lines: list[str] = []
        self.loops = 0

    def one_of(self, kind: str) -> str | None:
        """Return a name of that type."""
        found = [n for n, k in self.names.items() if k == kind]
        return self.random.choice(found) if found else None

    def pick(self, *options: str) -> str:
        """Return one of the options."""
        return self.random.choice(options)

    def number(self, depth: int = 2) -> str:
        """Return an expression of type int."""
        name = self.one_of(INT)
        if depth <= 0 or self.random.random() < 0.3:
            literal = self.pick("0", "1", "2", "-1", "3")
            return name if name and self.random.random() < 0.75 else literal
        x, y = self.number(depth - 1), self.number(depth - 1)
        options = [
            f"({x} + {y})", f"({x} - {y})", f"({x} * {y})", f"-{x}", f"abs({x})",
            f"({x} // {self.pick('2', '3', '-2', '-3', f'({y} or 1)', y)})",
            f"({x} % {self.pick('2', '3', '-3', '-2', f'({y} or -2)', y)})",
            f"max({x}, {y})", f"min({x}, {y})",
            f"({x} if {self.truth(depth - 1)} else {y})",
            f"({x} and {y})", f"({x} or {y})", f"({self.truth(depth - 1)} + {x})",
        ]  # fmt: skip
        if (seq := self.one_of(LIST)) is not None:
            part = self.sequence(depth - 1)
            options += [
                f"len({part})", f"sum({part})", f"{seq}.count({x})",
                self.pick(f"{seq}[{x}]", f"{seq}[-1]", f"{seq}[0]"),
                f"({seq}[0] if {seq} else {x})", f"({seq} and {seq}[-1] or {y})",
                f"({seq}[{x}] if -len({seq}) <= {x} < len({seq}) else {y})",
                f"max({part}, default={x})",
                f"sum(z * {y} for z in {part} if z > {x})",
                f"len([z for z in {part} if z != {y}])", f"min({part}, default={y})",
            ]  # fmt: skip
        if (text := self.one_of(STR)) is not None:
            options += [f"len({text})", f"{text}.count('a')"]
            options.append(f"(ord({text}[0]) if {text} else {x})")
        return self.random.choice(options)

    def truth(self, depth: int = 1) -> str:
        """Return an expression of type bool."""
        x, y = self.number(depth), self.number(depth)
        options = [
            f"{x} < {y}", f"{x} == {y}", f"{x} <= {y} < {self.number(0)}",
            f"{x} % 2 == 0", f"{x} != {y}",
        ]  # fmt: skip
        if depth > 0:
            options += [f"not {x}", f"({self.truth(0)} and {self.truth(0)})"]
            options += [f"({self.truth(0)} or {self.truth(0)})"]
        if (flag := self.one_of(BOOL)) is not None:
            options.append(flag)
        if (seq := self.one_of(LIST)) is not None:
            options += [f"{x} in {seq}", seq, f"all(z > {x} for z in {seq})"]
            options += [f"any(z == {x} for z in {seq}[{y}:])", f"{seq} == {seq}[::-1]"]
        if (text := self.one_of(STR)) is not None:
            options += [
                f"'a' in {text}",
                f"{text} < {text}[::-1]",
                f"{text}[:1] == 'b'",
            ]
        return self.random.choice(options)

    def sequence(self, depth: int = 2) -> str:
        """Return an expression of type list[int]."""
        name = self.one_of(LIST)
        x = self.number(depth - 1)
        if name is None:
            return self.pick(f"[{x}, {self.number(0)}]", f"[{x}] * {self.number(0)}")
        if depth <= 0 or self.random.random() < 0.3:
            return name
        inner = self.sequence(depth - 1)
        return self.pick(
            f"{inner}[{x}:]", f"{inner}[:{x}]", f"{inner}[::-1]", f"{inner}[::2]",
            f"{inner}[{x}:{self.number(0)}]", f"{inner}[{x}::-1]", f"sorted({inner})",
            f"({inner} + [{x}])", f"[z + {x} for z in {inner}]", f"list({inner})",
            f"[z for z in {inner} if z > {x}]", f"({inner} * {self.number(0)})",
            f"[{x}, *{inner}]", f"[i * z for i, z in enumerate({inner})]",
        )  # fmt: skip

    def text(self) -> str:
        """Return an expression of type str."""
        name = self.one_of(STR) or "'ab'"
        x = self.number(0)
        return self.pick(
            name, f"{name}[{x}:]", f"{name}[::-1]", f"{name} + 'a'", f"{name} * {x}"
        )

    def value(self, kind: str) -> str:
        """Return an expression of a type."""
        makers = {INT: self.number, BOOL: self.truth, LIST: self.sequence}
        return makers[kind]() if kind in makers else self.text()

    def say(self, level: int, line: str) -> None:
        """Add a line."""
        self.lines.append("    " * level + line)

    def block(self, level: int, size: int, *, in_loop: bool = False) -> None:
        """Write some statements; names bound inside may be unbound outside."""
        before, known = len(self.lines), set(self.names)
        for _ in range(size):
            self.statement(level, in_loop=in_loop)
        if len(self.lines) == before:
            self.say(level, "pass")
        if level > 1 and self.random.random() < 0.8:
            self.names = {n: k for n, k in self.names.items() if n in known}

    def statement(self, level: int, *, in_loop: bool) -> None:
        """Write one statement."""
        choice = self.random.random()
        if choice < 0.28 or level > 3:
            kind = self.random.choice([INT, INT, INT, BOOL, LIST, STR])
            target = self.pick("r", "t", "u") if kind == INT else f"v{kind[0]}"
            if self.random.random() < 0.2:
                target = self.one_of(kind) or target
            self.say(level, f"{target} = {self.value(kind)}")
            self.names[target] = kind
        elif choice < 0.40 and (name := self.one_of(INT)):
            op = self.pick("+", "-", "*", "// 2 +", "% 3 -", "//", "%")
            if " " in op:
                self.say(level, f"{name} = {name} {op} {self.number(1)}")
            else:
                self.say(level, f"{name} {op}= {self.number(1)}")
        elif choice < 0.55 and (name := self.one_of(LIST)):
            self.say(
                level,
                self.pick(
                    f"{name}.append({self.number(1)})", f"{name}[{self.number(0)}] = 1",
                    f"{name}.sort()", f"{name} += [{self.number(0)}]", f"w = {name}",
                    f"{name}.pop()", f"{name}.reverse()", f"w = list({name})",
                    f"if {name}: {name}[0] += 1", f"w = {name}[:]",
                    f"if {name}: {name}[0], {name}[-1] = {name}[-1], {name}[0]",
                ),
            )  # fmt: skip
            if self.lines[-1].lstrip().startswith("w ="):
                self.names["w"] = LIST
        elif choice < 0.75:
            self.say(level, f"if {self.truth()}:")
            self.block(level + 1, self.random.randint(1, 2), in_loop=in_loop)
            self.leave(level + 1, in_loop=in_loop)
            if self.random.random() < 0.4:
                self.say(level, "else:")
                self.block(level + 1, 1, in_loop=in_loop)
        elif self.loops < 2:
            self.loops += 1
            self.loop(level)

    def leave(self, level: int, *, in_loop: bool) -> None:
        """Write a jump now and then."""
        if self.random.random() < 0.35:
            self.say(level, f"return {self.value(self.result)}")
        elif in_loop and self.random.random() < 0.5:
            self.say(level, self.pick("break", "continue"))

    def loop(self, level: int) -> None:
        """Write a loop."""
        seq, x = self.one_of(LIST), self.number(1)
        heads = [f"for i in range({x}):", f"for i in range({x}, {self.number(0)}, -1):"]
        bound = {"i": INT}
        if seq is not None and self.random.random() < 0.6:
            heads = [
                f"for x in {seq}:", f"for i, x in enumerate({seq}):",
                f"for x in reversed({seq}):", f"for i in range(len({seq})):",
                f"for x, i in zip({seq}, {self.sequence(1)}):", f"for x in {seq}[1:]:",
            ]  # fmt: skip
        if self.random.random() < 0.25:
            name = self.one_of(INT) or "a"
            heads = [f"while {name} > 0:", f"while {name} < {self.number(0)}:"]
            bound = {}
        head = self.random.choice(heads)
        self.say(level, head)
        bound |= {"x": INT} if " x" in head.split(" in ")[0] else {}
        if head.startswith("for x in"):
            bound.pop("i", None)
        self.names |= bound
        if head.startswith("while"):
            name = head.split()[1]
            self.say(level + 1, f"{name} {'-' if '> 0' in head else '+'}= 1")
        self.block(level + 1, self.random.randint(1, 3), in_loop=True)
        if self.random.random() < 0.15:
            self.say(level, "else:")
            self.block(level + 1, 1)

    def function(self) -> str:
        """Return the text without postconditions; `POSTS` stands in their place."""
        self.result = self.random.choice([INT, INT, INT, BOOL, LIST, STR])
        if self.random.random() < 0.7:
            self.names["r"] = INT
            self.say(1, f"r = {self.number(0)}")
        self.block(1, self.random.randint(1, 4))
        self.say(1, f"return {self.value(self.result)}")
        pres = [
            self.random.choice(_PRES[n])
            for n in self.parameters
            if n in _PRES and self.random.random() < 0.6
        ]
        known = [p for p in pres if _names(p) <= set(self.parameters)]
        head = ", ".join(f"{n}: {k}" for n, k in self.parameters.items())
        doc = "".join(f"    pre: {p}\n" for p in known)
        start = f"def f({head}) -> {self.result}:\n    '''\n{doc}POSTS    '''\n"
        return start + "\n".join(self.lines) + "\n"

    def claims(self, count: int) -> Iterator[str]:
        """Yield postconditions over the parameters."""
        self.names = dict(self.parameters)
        for _ in range(count):
            text = self.random.choice([*_CLAIMS[self.result], *_ALWAYS])
            while "{e}" in text:
                text = text.replace("{e}", self.number(1), 1)
            if _names(text) <= {
                *self.parameters,
                *(f"old_{n}" for n in self.parameters),
            }:
                yield text


def _names(text: str) -> set[str]:
    words = "".join(c if c.isalnum() or c == "_" else " " for c in text).split()
    known = {*_PARAMETERS, *(f"old_{n}" for n in _PARAMETERS)}
    return {w for w in words if w in known}
