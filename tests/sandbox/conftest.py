"""Fixtures of the sandbox tests."""

from collections.abc import Iterator

import pytest

from codegrad.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as made:
        yield made
