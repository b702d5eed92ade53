"""The symbolic codec: exact records, known rates, typed errors; no network takes part."""

import contextlib
import importlib.resources
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elic_tf import Codec
from elic_tf.coding import container, symbolic
from elic_tf.coding.codec import PartialWarning
from elic_tf.coding.symbolic import SymbolicCodec
from elic_tf.errors import BudgetError, DamagedError, FileError, ImageError, UnknownModelError
from elic_tf.faces import synthetic

FACTORS = synthetic.FACTORS
any_record = st.tuples(*(st.integers(0, len(levels) - 1) for levels in FACTORS.values()))

# Files of the first release: sample(3, seed=11). They are never made again.
GOLDEN = ("13395b3ea1e55f15", "131f08018a78513c70", "130a624d6b0b0ff13f")


class Knows:
    """A parser that has been told."""

    def __init__(self, records):
        self.told = records

    def parse(self, faces, trials):
        assert faces.shape == (len(self.told), 64, 64, 3) and faces.dtype == np.float32 and trials == symbolic.TRIALS
        return self.told


@pytest.fixture(scope="module")
def records():
    return synthetic.sample(300, seed=4)


@settings(deadline=None)
@given(any_record)
def test_any_record_comes_back_at_its_price(levels):
    record = np.array([levels], synthetic.DTYPE)
    file = SymbolicCodec().encode_records(record)[0]
    np.testing.assert_array_equal(SymbolicCodec().decode_records([file]), record)
    assert 8 * (len(file) - container.HEADER_BYTES) <= synthetic.bits(record)[0] + 8


def test_the_mean_file_is_the_entropy_and_a_byte_at_most(records):
    files = SymbolicCodec().encode_records(records)
    np.testing.assert_array_equal(SymbolicCodec().decode_records(files), records)
    code = np.mean([8 * (len(file) - container.HEADER_BYTES) for file in files])
    assert synthetic.bits(records).mean() - 1 < code <= synthetic.bits(records).mean() + 8
    assert code < synthetic.entropy_bits() + 8


def test_golden_files():
    wanted = synthetic.sample(3, seed=11)
    assert [file.hex() for file in SymbolicCodec().encode_records(wanted)] == list(GOLDEN)
    np.testing.assert_array_equal(SymbolicCodec().decode_records([bytes.fromhex(each) for each in GOLDEN]), wanted)


def test_faces_go_through_the_parser_and_come_back_drawn(records):
    records = records[:4]
    faces = synthetic.render(records)
    codec = SymbolicCodec(Knows(records))
    files = codec.encode(np.round(255 * faces).astype(np.uint8))
    assert files == codec.encode_records(records)
    np.testing.assert_array_equal(codec.decode(files), faces)
    assert codec.decode(files, decoder="smooth").dtype == np.float32


def test_a_budget_is_kept_or_refused(records):
    codec = SymbolicCodec()
    sizes = [8 * len(file) for file in codec.encode_records(records)]
    assert codec.encode_records(records, max(sizes)) == codec.encode_records(records)
    with pytest.raises(BudgetError, match=f"face {int(np.argmax(sizes))} takes {max(sizes)} bits"):
        codec.encode_records(records, max(sizes) - 1)
    for bits in (47, 4097, 96.0, "96", True):
        with pytest.raises(BudgetError, match="bits"):
            SymbolicCodec(Knows(records)).encode(np.zeros((300, 64, 64, 3), np.uint8), bits)


def test_nothing_is_nothing():
    codec = SymbolicCodec(Knows(synthetic.sample(0)))
    assert codec.encode(np.zeros((0, 64, 64, 3), np.uint8)) == codec.encode_records(synthetic.sample(0)) == []
    assert codec.decode([]).shape == (0, 64, 64, 3) and len(codec.decode_records([])) == 0


def test_wrong_arguments(records):
    codec = SymbolicCodec(Knows(records))
    with pytest.raises(ImageError):
        codec.encode(np.zeros((1, 32, 32, 3)))
    with pytest.raises(ImageError, match="not face records"):
        codec.encode_records(np.zeros((1, 29)))
    with pytest.raises(UnknownModelError, match="parser"):
        SymbolicCodec().encode(np.zeros((1, 64, 64, 3)))
    file = codec.encode_records(records[:1])[0]
    with pytest.raises(TypeError, match="list"):
        codec.decode(file)
    with pytest.raises(ValueError, match="decoders"):
        codec.decode([file], decoder="magic")


def test_files_of_other_codecs_are_refused():
    with pytest.raises(UnknownModelError, match="'klt', not 'symbolic'"):
        SymbolicCodec().decode(Codec.load("klt").encode(np.zeros((1, 64, 64, 3)), bits=64))
    with pytest.raises(UnknownModelError, match="model number 15"):
        SymbolicCodec().decode([container.Container(15, b"123").pack()])


def test_a_record_has_one_spelling(records):
    for record in records[:20]:
        code = symbolic.write(record)
        with pytest.raises(DamagedError, match="not one that an encoder writes"):
            symbolic.read(code + b"\0")
        for other in (code + b"\x80", code[:-1], b""):
            with contextlib.suppress(DamagedError):
                assert symbolic.read(other)[0] != record


def test_a_cut_file_holds_what_comes_first(records):
    file = max(SymbolicCodec().encode_records(records), key=len)
    whole = SymbolicCodec().decode_records([file])
    with pytest.raises(DamagedError):
        SymbolicCodec().decode([file[:-2]])
    counts = []
    for keep in range(4, len(file)):
        record, known = SymbolicCodec().read(file[:keep], partial=True)
        counts.append(known)
        for name in synthetic.ORDER[:known]:
            assert record[name] == whole[name]
    assert counts == sorted(counts) and counts[-1] > 20
    with pytest.warns(PartialWarning, match="of 29 factors"):
        face = SymbolicCodec().decode([file[:6]], partial=True)
    assert face.shape == (1, 64, 64, 3)
    with pytest.raises(DamagedError, match="too little"):
        SymbolicCodec().decode([file[:2]], partial=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(SymbolicCodec().decode_records([file], partial=True), whole)


damage = st.lists(st.tuples(st.integers(0, 200), st.integers(1, 255)), max_size=3)


@settings(max_examples=400, deadline=None)
@given(any_record, damage, st.integers(0, 20), st.binary(max_size=30), st.booleans(), st.booleans())
def test_damaged_files_are_typed_errors_or_records(levels, flips, keep, added, repaired, partial):
    file = bytearray(SymbolicCodec().encode_records(np.array([levels], synthetic.DTYPE))[0])
    for place, mask in flips:
        file[place % len(file)] ^= mask
    file = bytes(file[:keep] if keep else file) + added
    if repaired:
        file = container.Container(symbolic.NUMBER, file[2:]).pack()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PartialWarning)
            record = SymbolicCodec().decode_records([file], partial)
    except FileError:
        return
    assert np.isfinite(synthetic.bits(record)).all()
    if not partial:
        assert SymbolicCodec().encode_records(record) == [file]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=1200))
def test_any_bytes_are_a_typed_error_or_an_image(file):
    try:
        face = SymbolicCodec().decode([file])
    except FileError:
        return
    assert face.shape == (1, 64, 64, 3) and np.isfinite(face).all()


def test_decoding_needs_no_tensorflow_and_no_weights():
    program = (
        "import sys; from elic_tf.coding.symbolic import SymbolicCodec; from elic_tf.faces import synthetic;"
        "c = SymbolicCodec(); c.decode(c.encode_records(synthetic.sample(1)));"
        "sys.exit(' '.join(m for m in ('tensorflow', 'keras', 'ai_edge_litert') if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_is_shipped_reads_its_own_faces():
    folder = importlib.resources.files("elic_tf.weights")
    if not (folder / "symbolic_parser.tflite").is_file():
        pytest.skip("no parser is shipped yet: python -m elic_tf.train symbolic")
    faces = synthetic.load(20, seed=99).images
    codec = SymbolicCodec.load()
    decoded = codec.decode(codec.encode(faces))
    assert np.median(np.square(decoded - faces / np.float32(255)).mean((1, 2, 3))) < 1e-3
