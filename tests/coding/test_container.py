"""The two bytes around the code, and what each kind of foreign or damaged file is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elic_tf.coding import container
from elic_tf.coding.container import Container, crc8, unpack
from elic_tf.errors import DamagedError, FileError, NotElicError, VersionError


def test_crc_has_the_published_check_value():
    """CRC-8/AUTOSAR of "123456789" is 0xDF; it inverts the result, this one does not."""
    assert crc8(b"123456789") ^ 0xFF == 0xDF


@given(st.integers(0, 15), st.binary(max_size=600))
def test_round_trip(model, code):
    held = unpack(Container(model, code).pack())
    assert (held.model, held.code, held.version) == (model, code, container.VERSION)


@given(st.binary(max_size=13), st.data())
def test_up_to_three_flipped_bits_are_always_caught(code, data):
    file = bytearray(Container(1, code).pack())
    flips = data.draw(st.sets(st.integers(0, 8 * len(file) - 1), min_size=1, max_size=3))
    for bit in flips:
        file[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FileError):
        unpack(file)


@given(st.binary(min_size=1, max_size=40))
def test_cutting_or_appending_is_caught_unless_the_check_agrees_by_chance(code):
    file = Container(1, code).pack()
    caught = 0
    for other in [file[:keep] for keep in range(len(file))] + [file + bytes([byte]) for byte in range(64)]:
        try:
            unpack(other)
        except FileError:
            caught += 1
    assert caught >= (len(file) + 64) * 0.85


def test_zeros_at_the_end_are_not_free():
    file = Container(1, bytes(5)).pack()
    for keep in range(2, 7):
        with pytest.raises(DamagedError):
            unpack(file[:keep])


@pytest.mark.parametrize("file", [b"", b"\x11", bytes(30), bytes(container.MAX_BYTES + 1), b"\x00" * 1_000_000])
def test_what_is_not_elic_is_said_so(file):
    with pytest.raises(NotElicError, match=r"not an \.elic file"):
        unpack(file)


def test_a_file_from_the_future_is_told_from_a_damaged_one():
    file = Container(3, b"code", version=9).pack()
    with pytest.raises(VersionError, match=r"format 9.*update"):
        unpack(file)
    with pytest.raises(DamagedError):
        unpack(file[:-1])


def test_partial_does_not_look_at_the_check():
    assert unpack(Container(1, b"abcdef").pack()[:5], partial=True).code == b"abc"
