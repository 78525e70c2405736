"""Inputs that differ more than mutations do, the same every time."""

from codegrad.verify.variety import enlarged, varied

KNOWN = [([3, 1, 2], "ab c", 7), ([], "x", 0)]


def test_the_same_arguments_give_the_same_new_inputs() -> None:
    first = varied(KNOWN, 200, seed=3)
    assert first == varied(KNOWN, 200, seed=3)
    assert first != varied(KNOWN, 200, seed=4)
    assert len({repr(args) for args in first}) == len(first) == 200
    assert not {repr(args) for args in first} & {repr(args) for args in KNOWN}


def test_cases_lengths_magnitudes_and_kinds_of_number_vary() -> None:
    found = varied(KNOWN, 400)
    texts = [text for _, text, _ in found]
    assert any(text != text.lower() for text in texts)
    assert any(len(text) > 20 for text in texts)
    assert any(isinstance(n, float) for items, _, _ in found for n in items)
    assert any(len(items) > 20 for items, _, _ in found)
    assert {type(number) for _, _, number in found} == {int}
    assert any(number > 100 for _, _, number in found)


def test_known_inputs_are_not_changed_and_any_value_is_taken() -> None:
    known = [({"a": [1]}, {1, 2}, (1, "x"), None, True, 2.5, b"x", frozenset({1}))]
    before = repr(known)
    found = varied(known, 100)
    assert repr(known) == before
    assert len(found) > 50
    assert varied([], 10) == varied([()], 10) == []


def test_large_inputs_grow_and_keep_their_form() -> None:
    found = enlarged(KNOWN)
    assert {tuple(map(type, args)) for args in found} == {(list, str, int)}
    lengths = [len(items) for items, _, _ in found if items]
    assert lengths[0] <= 100
    assert 1000 < lengths[-1] <= 2000
    assert max(number for _, _, number in found) > 10**11


def test_what_is_too_large_or_too_deep_is_no_model() -> None:
    deep: list[object] = []
    for _ in range(40):
        deep = [deep]
    for args in ((deep,), (1 << 20_000,), (list(range(100_000)),)):
        assert varied([args], 50) == enlarged([args]) == []
