import numpy as np
import pytest

from elic_tf.coding.anatomy import anatomy
from elic_tf.coding.codec import Codec
from elic_tf.coding.symbolic import SymbolicCodec, factor_bits
from elic_tf.errors import FileError
from elic_tf.faces import synthetic


def test_every_byte_of_a_file_is_explained():
    file = Codec.load("klt").encode(synthetic.faces(1, seed=1), bits=128)[0]
    lines = anatomy(file)
    assert lines[0].startswith("16 bytes = 128 bits") and "codec klt" in lines[0]
    numbered = [line for line in lines if line[:4].strip().isdigit()]
    assert [int(line[:4]) for line in numbered] == list(range(16))
    assert [line.split()[1] for line in numbered] == [f"{byte:02x}" for byte in file]


def test_what_a_file_says_of_the_gender_is_explained():
    codec = Codec.load("portrait")
    for number, said in enumerate(codec.sides):
        (file,) = codec.encode(synthetic.faces(1, seed=1), bits=128, side=[number])
        [line] = [line for line in anatomy(file) if line.strip().startswith("gender")]
        assert line.endswith(f" {said}")
        assert float(line.split()[1]) == pytest.approx(codec.model.code.side_lengths[number], abs=0.06)


def test_a_record_is_explained_factor_by_factor():
    records = synthetic.sample(4, seed=2)
    for record, file in zip(records, SymbolicCodec().encode_records(records)):
        bits = factor_bits(record)
        assert sum(bits.values()) == pytest.approx(float(synthetic.bits(np.array([record]))[0]), abs=1e-6)
        text = "\n".join(anatomy(file))
        assert "codec symbolic" in text
        for name, said in synthetic.describe(record).items():
            assert f"{name.replace('_', ' ')}: {said}" in text


def test_what_cannot_be_decoded_cannot_be_explained():
    with pytest.raises(FileError):
        anatomy(b"\x11\x00\x01\x02")
