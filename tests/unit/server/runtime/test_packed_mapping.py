"""A mapping of packed values does what a dictionary does; a look decodes what was asked for and keeps nothing."""

from __future__ import annotations

import random

import msgspec
import pytest

from rescue_server.runtime.packed_mapping import IN_BLOCK, Packed, PackedMapping

MANY = 10 * IN_BLOCK + 3


class Squares(PackedMapping[int]):
    """Numbers by name. Odd ones do not stay packed."""

    decoder = msgspec.msgpack.Decoder(int)

    @staticmethod
    def stays_packed(value: int) -> bool:
        return value % 2 == 0


def squares(count: int = MANY) -> dict[str, int]:
    return {str(number): number * number for number in range(1, count + 1)}


def restarted(mapping: Squares) -> Squares:
    """The mapping as the next start reads it."""
    packed = mapping.pack()
    return Squares.unpack(msgspec.msgpack.decode(msgspec.msgpack.encode(packed), type=Packed))


def packed_squares(count: int = MANY) -> Squares:
    mapping = Squares()
    mapping.update(squares(count))
    return restarted(mapping)


def require_same(mapping: Squares, known: dict[str, int]) -> None:
    assert mapping == known
    assert len(mapping) == len(known)
    assert list(mapping) == sorted(known, key=int)
    assert all(name in mapping for name in known)
    assert {*mapping.unpacked()} >= {value for value in known.values() if value % 2}


@pytest.mark.parametrize("count", [0, 1, IN_BLOCK, 2 * IN_BLOCK, 2 * IN_BLOCK + 1, MANY])
def test_what_was_packed_is_there_again_and_in_order(count: int) -> None:
    require_same(packed_squares(count), squares(count))
    require_same(restarted(packed_squares(count)), squares(count))


def test_only_what_does_not_stay_packed_is_decoded_and_a_look_changes_nothing() -> None:
    mapping = packed_squares()
    odd = {value for value in squares().values() if value % 2}
    assert {*mapping.unpacked()} == odd
    assert [mapping[name] for name in squares()] == [*squares().values()]
    assert {*mapping.unpacked()} == odd


@pytest.mark.parametrize("name", ["0", "4x", "x", "", "40000"])
def test_a_name_that_nothing_has_is_not_found(name: str) -> None:
    mapping = packed_squares()
    assert name not in mapping
    assert mapping.get(name) is None
    assert mapping.pop(name, None) is None
    with pytest.raises(KeyError):
        mapping[name]
    with pytest.raises(KeyError):
        del mapping[name]
    require_same(mapping, squares())


def test_a_copy_does_not_change_with_the_other() -> None:
    mapping = packed_squares()
    copied = mapping.copy()
    del mapping["4"]
    mapping["6"] = 1
    copied["8"] = 3
    require_same(mapping, {**{name: value for name, value in squares().items() if name != "4"}, "6": 1})
    require_same(copied, {**squares(), "8": 3})


def test_another_value_is_not_equal() -> None:
    mapping = packed_squares()
    mapping["4"] = 18
    assert mapping != squares()
    assert restarted(mapping) != packed_squares()


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_done_it_is_what_a_dictionary_is(seed: int) -> None:
    dice = random.Random(seed)
    mapping, known = packed_squares(), squares()
    for _ in range(300):
        name = str(dice.randrange(1, MANY + 40))
        match dice.randrange(5):
            case 0 | 1:
                mapping[name] = known[name] = dice.randrange(100)
            case 2:
                assert mapping.pop(name, None) == known.pop(name, None)
            case 3:
                assert mapping.get(name) == known.get(name)
            case 4 if dice.random() < 0.1:
                mapping = restarted(mapping)
        assert len(mapping) == len(known)
    require_same(restarted(mapping), known)
