"""Text from candidates made safe to look at.

In: any text, also hostile. Out: text without control characters, terminal escapes,
lone surrogates or characters that reorder what is read. Invariant: nothing is removed;
what cannot be shown is written as a picture or an escape.
"""

import re

_PICTURES = {
    code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"
}
_PICTURES[0x7F] = "\u2421"
_HIDDEN = re.compile(
    "[\x80-\x9f"  # C1 controls: some terminals obey them
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"  # direction and line controls
    "\ud800-\udfff\ufeff\ufffe\uffff]"  # not characters at all
)


def visible(text: str) -> str:
    r"""Return `text` with everything invisible or active written out.

    Tabs and line ends stay; `\r\n` and `\r` become `\n`, as Python reads them.

    Example:
        >>> visible("\x1b[31mred\x00 \u202e")
        '␛[31mred␀ \\u202e'
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_PICTURES)
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def one_line(text: str) -> str:
    r"""Return `text` made visible in one line, line ends written as `\n`.

    Example:
        >>> print(one_line("a\nb"))
        a\nb
    """
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def shorten(text: str, limit: int = 600) -> str:
    """Return `text`, or its two ends with the length of what is left out.

    Example:
        >>> shorten("x" * 5000, limit=8)
        'xxxx … 4,992 characters … xxxx'
    """
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} … {len(text) - 2 * half:,} characters … {text[-half:]}"


def count(number: int, noun: str) -> str:
    """Return `1 step`, `2 steps`, `1,200 steps`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
