"""TF-Hub modules: written, packed, read back, and fetched from a server on this machine."""

import http.server
import socket
import sys
import tarfile
import threading
import urllib.parse

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from elic_tf.errors import MissingExtraError
from elic_tf.models import hub_module
from elic_tf.models.hub_module import ExtractorError, NoModuleError, NoNetworkError

SIZE = 16
NAMES = ["deep", "logits", "shallow"]


def network():
    """Every kind of layer whose export could go wrong: statistics, a custom gradient (silu), a random state."""
    images = keras.Input((SIZE, SIZE, 3))
    shallow = layers.BatchNormalization()(layers.Conv2D(8, 3, strides=2)(images))
    deep = layers.Conv2D(32, 3, activation="silu")(layers.Dropout(0.5)(shallow))
    logits = layers.Dense(1)(layers.GlobalAveragePooling2D()(deep))
    model = keras.Model(images, {"shallow": shallow, "deep": deep, "logits": logits})
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(random.uniform(0.1, 0.9, weight.shape) - (0.5 if "kernel" in weight.path else 0))
    return model


@pytest.fixture(scope="module")
def model():
    return network()


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    return hub_module.export(model, tmp_path_factory.mktemp("module") / "toy")


@pytest.fixture(scope="module")
def archive(folder, tmp_path_factory):
    return hub_module.pack(folder, tmp_path_factory.mktemp("packed") / "toy.tar.gz")


@pytest.fixture
def images():
    return np.random.default_rng(0).random((3, SIZE, SIZE, 3), np.float32)


def gradient(function, images):
    images = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.reduce_sum(function(images)["deep"] ** 2)
    return tape.gradient(loss, images)


@pytest.mark.parametrize("count", [1, 3])
def test_the_module_is_the_network(model, folder, images, count):
    module = tf.saved_model.load(str(folder))
    expected, got = model(images[:count], training=False), module(images[:count])
    assert sorted(got) == NAMES
    for name in NAMES:
        assert got[name].dtype == tf.float32
        np.testing.assert_allclose(got[name], expected[name], atol=5e-3)
    wanted = gradient(lambda x: model(x, training=False), images[:count])
    np.testing.assert_allclose(gradient(module, images[:count]), wanted, atol=2e-2 * np.abs(wanted).max())


def test_the_module_says_what_it_is(folder):
    module = tf.saved_model.load(str(folder))
    said = module.describe()
    assert [name.decode() for name in said["names"].numpy()] == NAMES
    assert int(said["size"]) == SIZE
    assert list(said["value_range"].numpy()) == [0, 1]
    assert not module.trainable_variables
    assert not any(variable.trainable for variable in module.variables)
    assert sorted(module.signatures["serving_default"].structured_outputs) == NAMES


def test_half_the_size_on_disk_and_nothing_superfluous(model, folder, tmp_path):
    full = hub_module.export(model, tmp_path / "full", half=False)
    data = "variables/variables.data-00000-of-00001"
    parameters = sum(weight.size for weight in model.get_weights())
    assert 2 * parameters < (folder / data).stat().st_size < 2 * parameters + 3000
    assert (full / data).stat().st_size - (folder / data).stat().st_size == 2 * parameters
    assert sorted(path.name for path in folder.iterdir()) == ["saved_model.pb", "variables"]


def test_same_network_same_bytes(model, folder, archive, tmp_path):
    again = hub_module.export(model, tmp_path / "again")
    hub_module.export(model, again)  # replaces it
    assert (again / "saved_model.pb").read_bytes() == (folder / "saved_model.pb").read_bytes()
    assert hub_module.pack(again, tmp_path / "again.tar.gz").read_bytes() == archive.read_bytes()


def test_weights_rebuild_the_network(model, folder):
    weights = hub_module.weights(folder)
    assert all(array.dtype == np.float32 for array in weights)
    for got, weight in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(got, weight.astype(np.float16))
    network().set_weights(weights)


def test_the_saved_model_is_at_the_root_of_the_archive(archive):
    with tarfile.open(archive) as bundle:
        names = bundle.getnames()
    assert "saved_model.pb" in names
    assert names.index("variables") < names.index("variables/variables.index")


def test_what_cannot_be_exported(model, tmp_path):
    images = keras.Input((SIZE, SIZE, 3))
    with pytest.raises(ExtractorError, match="dict"):
        hub_module.export(keras.Model(images, layers.Flatten()(images)), tmp_path / "m")
    anything = keras.Input((None, None, 3))
    with pytest.raises(ExtractorError, match="size"):
        hub_module.export(keras.Model(anything, {"a": layers.Conv2D(1, 1)(anything)}), tmp_path / "m")
    large = keras.Model(images, {"a": layers.Conv2D(1, 1, kernel_initializer=keras.initializers.Constant(1e6))(images)})
    with pytest.raises(ExtractorError, match="half=False"):
        hub_module.export(large, tmp_path / "m")
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(ExtractorError, match="other files"):
        hub_module.export(model, tmp_path)
    assert (tmp_path / "note.txt").exists()


def test_weights_of_something_else(tmp_path):
    with pytest.raises(NoModuleError, match="no folder"):
        hub_module.weights(tmp_path / "none")
    with pytest.raises(NoModuleError, match=r"no saved_model\.pb"):
        hub_module.weights(tmp_path)
    tf.saved_model.save(tf.Module(), str(tmp_path / "foreign"))
    with pytest.raises(NoModuleError, match="not one that elic_tf exported"):
        hub_module.weights(tmp_path / "foreign")


def test_a_folder_that_is_no_module(folder, tmp_path):
    with pytest.raises(NoModuleError, match="kagglehub"):
        hub_module.load(str(tmp_path / "none"))
    with pytest.raises(NoModuleError, match=r"no saved_model\.pb"):
        hub_module.load(str(tmp_path))
    (tmp_path / "saved_model.pb").write_bytes((folder / "saved_model.pb").read_bytes()[:1000])
    with pytest.raises(NoModuleError, match="damaged"):
        hub_module.load(str(tmp_path))
    (tmp_path / "saved_model.pb").write_bytes((folder / "saved_model.pb").read_bytes())
    with pytest.raises(NoModuleError, match="damaged"):  # its variables are missing
        hub_module.load(str(tmp_path))


def test_archives_on_disk(archive, images, tmp_path):
    assert sorted(hub_module.load(str(archive))(images)) == NAMES
    with pytest.raises(NoModuleError, match="no file"):
        hub_module.load(str(tmp_path / "none.tar.gz"))
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(archive.read_bytes()[:-500])
    with pytest.raises(NoModuleError, match="damaged"):
        hub_module.load(str(cut))


def test_the_module_of_the_package(folder, monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.resources.files", lambda package: tmp_path)
    with pytest.raises(NoModuleError, match="without its extractor"):
        hub_module.load()
    (tmp_path / "extractor").symlink_to(folder)
    assert hub_module.load().describe()


class Server(http.server.ThreadingHTTPServer):
    """Hands out one archive by tensorflow_hub's convention, and fails in the ways servers fail."""

    def __init__(self, content):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.requests, self.end = content, [], threading.Event()

    def address(self, path):
        return f"http://127.0.0.1:{self.server_port}/{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        parts = urllib.parse.urlsplit(self.path)
        self.server.requests.append(self.path)
        status, body = 200, self.server.content
        if parts.path == "/silent":
            self.server.end.wait(30)
            return
        if parts.path == "/page":
            body = b"<html>Sign in</html>"
        elif parts.path == "/busy":
            status, body = 503, b""
        elif parts.path != "/toy/1" or urllib.parse.parse_qs(parts.query) != {"tf-hub-format": ["compressed"]}:
            status, body = 404, b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(archive, monkeypatch, tmp_path):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # a proxy that is not there must not be asked
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    for name in ("TFHUB_MODEL_LOAD_FORMAT", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Server(archive.read_bytes()) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.end.set()
        server.shutdown()


def test_an_address_is_downloaded_once(server, images, tmp_path):
    address = server.address("toy/1")
    assert sorted(hub_module.load(address)(images)) == NAMES
    server.content = b""
    assert sorted(hub_module.load(address)(images)) == NAMES
    assert server.requests == ["/toy/1?tf-hub-format=compressed"]
    assert any((tmp_path / "cache").iterdir())


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("toy/2", NoModuleError, "HTTP 404"),
        ("page", NoModuleError, "no module"),
        ("busy", NoNetworkError, "try later"),
    ],
)
def test_what_servers_answer(server, path, error, words):
    with pytest.raises(error, match=words) as caught:
        hub_module.load(server.address(path))
    assert server.address(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kept", ["most", "whole files"])
def test_a_download_that_was_cut_off_is_not_kept(server, folder, tmp_path, kept):
    whole = server.content
    if kept == "most":
        server.content = whole[:-500]
    else:  # looks like a whole archive
        (tmp_path / "part").mkdir()
        (tmp_path / "part" / "saved_model.pb").write_bytes((folder / "saved_model.pb").read_bytes())
        server.content = hub_module.pack(tmp_path / "part", tmp_path / "part.tar.gz").read_bytes()
    with pytest.raises(NoModuleError, match="damaged"):
        hub_module.load(server.address("toy/1"))
    server.content = whole
    assert hub_module.load(server.address("toy/1")).describe()


def test_no_network(server, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NoNetworkError, match="cannot be reached"):
        hub_module.load(f"http://127.0.0.1:{port}/toy/1")
    monkeypatch.setattr(hub_module, "_TIMEOUT", 0.1)
    with pytest.raises(NoNetworkError, match="timed out"):
        hub_module.load(server.address("silent"))
    assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize(
    ("absent", "cure"),
    [("pkg_resources", 'pip install "setuptools<82"'), ("tensorflow_hub", "pip install tensorflow-hub")],
)
def test_tensorflow_hub_cannot_be_imported(folder, monkeypatch, absent, cure):
    monkeypatch.delitem(sys.modules, "tensorflow_hub", raising=False)
    monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(MissingExtraError, match=cure):
        hub_module.load("http://127.0.0.1:9/toy/1")
    assert hub_module.load(str(folder)).describe()  # only addresses need it
