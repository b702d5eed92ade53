"""TF-Hub modules: a trained network is written as a SavedModel, and those of others are fetched and loaded.

    hub_module.export(network, "extractor")            # the folder
    hub_module.pack("extractor", "extractor.tar.gz")   # the file that a server hands to tensorflow_hub
    module = hub_module.load("extractor")              # what `hub.load` would give
    module(images)["deep"], module.describe()["names"]

An exported module has the Reusable SavedModel interface (tensorflow.org/hub/reusable_saved_models) and follows the
convention for images (tensorflow.org/hub/common_saved_model_apis/images): (n, size, size, 3) float32 in [0, 1].
"""

import contextlib
import gzip
import http.client
import importlib
import importlib.resources
import os
import pathlib
import re
import shutil
import socket
import tarfile
import tempfile
import urllib.error
import warnings

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2

from elic_tf.errors import ElicError, MissingExtraError

_TIMEOUT = 60  # seconds that a server may stay silent


class ExtractorError(ElicError):
    """A network that cannot serve as a feature extractor, or arguments that do not fit it."""


class NoModuleError(ExtractorError):
    """There is no module at this address, or what is there is damaged or something else."""


class NoNetworkError(ExtractorError):
    """The server cannot be reached, or stopped answering."""


def export(network, folder, *, half=True) -> pathlib.Path:
    """Write `network` as a TF2 SavedModel into `folder`, in place of the module that was there; returns the folder.

    network: a functional keras.Model, images (n, size, size, 3) in [0, 1] to a dict of named tensors. It is saved in
    inference mode, computing in the dtypes it was built with: build it without mixed precision.
    half: store the weights as float16, half the size; they are cast back where they are used.

    The loaded module has
    - `module(images)`: dict of name -> float32 tensor; any batch size; differentiable with respect to the images;
    - `module.describe()`: {"names": (k,) strings, "size": an integer, "value_range": (2,), here 0 and 1};
    - `module.variables`, in the order of `network.get_weights()`, and `module.trainable_variables`, which is empty;
    - `module.signatures["serving_default"]`, for TensorFlow Serving.

    The same network, with the same names of layers, gives the same bytes. ExtractorError if the network is of another
    form, if a weight is too large for float16, or if `folder` holds something else than a module.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and any(folder.iterdir()) and not (folder / "saved_model.pb").exists():
        raise ExtractorError(f"{folder} holds other files than a module: export to a new folder")
    module = _module(network, half)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".exporting-") as work:
        tf.saved_model.save(module, work, signatures={"serving_default": module.__call__})
        graph = pathlib.Path(work, "saved_model.pb")
        graph.write_bytes(_renumbered(graph.read_bytes()))
        # Not taken along: an empty folder for assets, and a fingerprint that is partly random.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for path in (graph, pathlib.Path(work, "variables")):
            path.replace(folder / path.name)
    return folder


def pack(folder, tar_gz) -> pathlib.Path:
    """Write the module in `folder` as the .tar.gz that tensorflow_hub downloads; returns its path.

    The SavedModel is at the root of the archive (tensorflow.org/hub/hosting). The same folder gives the same bytes.
    """
    folder, tar_gz = pathlib.Path(folder), pathlib.Path(tar_gz)
    _check_saved_model(folder)
    with (
        tar_gz.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as bundle,
    ):
        # tensorflow_hub makes no folder that has no entry of its own, so folders are entries too.
        for path in sorted(folder.rglob("*")):
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            if path.is_dir():
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                bundle.addfile(member)
            else:
                member.size = path.stat().st_size
                with path.open("rb") as content:
                    bundle.addfile(member, content)
    return tar_gz


def weights(folder) -> list:
    """The weights of a module that `export` wrote: float32 arrays in the order of `network.get_weights()`.

    `network.set_weights(hub_module.weights(folder))` gives the Keras network back: the module is the one file to ship.
    NoModuleError if there are none.
    """
    folder = pathlib.Path(folder)
    _check_saved_model(folder)
    try:
        reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
        count = sum(key.startswith("variables/") for key in reader.get_variable_to_shape_map())
        keys = [f"variables/{index}/.ATTRIBUTES/VARIABLE_VALUE" for index in range(count)]
        arrays = [reader.get_tensor(key).astype(np.float32) for key in keys]
    except (ValueError, tf.errors.OpError) as error:
        raise NoModuleError(
            f"the weights in {folder} cannot be read ({short(error)}): export the network again"
        ) from None
    if not arrays:
        raise NoModuleError(f"{folder} is a SavedModel, but not one that elic_tf exported: its weights have no order")
    return arrays


def load(handle=None):
    """The loaded object (`tf.saved_model.load`) of a folder, a `.tar.gz` or an http(s) address.

    handle: None for the module that elic_tf ships; see `features.FrozenExtractor`. An address is handed to
    tensorflow_hub, which asks for it with `?tf-hub-format=compressed` and keeps the module in $TFHUB_CACHE_DIR.
    NoModuleError, NoNetworkError, or MissingExtraError if tensorflow_hub is needed and cannot be imported.
    """
    if handle is None:
        handle = str(importlib.resources.files("elic_tf.weights") / "extractor")
        if not os.path.isdir(handle):
            raise NoModuleError("this elic_tf was installed without its extractor: reinstall it, or give a handle")
    if handle.startswith(("http://", "https://")):
        folder = _download(handle)
        try:
            return _load(folder, handle)
        except NoModuleError:
            # An archive cut off between two files looks whole to tensorflow_hub, which would keep it for ever.
            shutil.rmtree(folder, ignore_errors=True)
            raise
    if handle.endswith((".tar.gz", ".tgz", ".tar")):
        with tempfile.TemporaryDirectory() as folder:
            try:
                with tarfile.open(handle) as bundle:
                    bundle.extractall(folder, filter="data")
            except FileNotFoundError:
                raise NoModuleError(f"there is no file {handle}") from None
            except (OSError, EOFError, tarfile.TarError, ValueError) as error:
                raise NoModuleError(f"{handle} is damaged, or no tar.gz: {short(error)}") from None
            return _load(folder, handle)
    return _load(handle, handle)


def _check_saved_model(folder):
    """NoModuleError unless `folder` holds a SavedModel."""
    if not tf.io.gfile.isdir(str(folder)):
        raise NoModuleError(
            f"there is no folder {folder}: give a folder, a .tar.gz, an address, 'keras:NAME', "
            "or what kagglehub.model_download(...) returns"
        )
    if not any(tf.io.gfile.exists(os.path.join(folder, f"saved_model.{end}")) for end in ("pb", "pbtxt")):
        raise NoModuleError(f"{folder} is no module: it holds no saved_model.pb")


def _load(folder, handle):
    """`tf.saved_model.load`, which is what `hub.load` does once it has a folder."""
    try:
        _check_saved_model(folder)
        # The format of TF-Hub before TensorFlow 2 marks its graph with no tags.
        old = tf.io.gfile.exists(os.path.join(folder, "tfhub_module.pb"))
        return tf.saved_model.load(folder, tags=[] if old else None)
    except NoModuleError as error:
        raise NoModuleError(str(error).replace(str(folder), handle)) from None
    except Exception as error:  # whatever a damaged graph or checkpoint raises
        raise NoModuleError(f"{handle} is damaged, or no SavedModel: {short(error)}") from error


def _download(address):
    """The folder into which tensorflow_hub has unpacked the module at an address."""
    hub = _tensorflow_hub()
    try:
        with time_limit():
            return hub.resolve(address)
    except urllib.error.HTTPError as error:
        if error.code >= 500:
            raise NoNetworkError(f"{address}: the server fails (HTTP {error.code}); try later") from None
        raise NoModuleError(
            f"there is no module for everyone at {address} (HTTP {error.code}): check the address, or download it "
            "with kagglehub and give the folder"
        ) from None
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        raise NoNetworkError(
            f"{address} cannot be reached ({short(error)}): connect to the network, or use a module on disk"
        ) from None
    except (OSError, EOFError, ValueError, tarfile.TarError, tf.errors.OpError) as error:
        raise NoModuleError(f"what {address} sends is damaged, or no module: {short(error)}") from None


def _tensorflow_hub():
    """The library; only addresses need it, and it costs a second."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
            return importlib.import_module("tensorflow_hub")
    except ImportError as error:
        # setuptools 82 removed pkg_resources, which tensorflow_hub 0.16.1 imports (tensorflow/hub issue 934).
        cure = '"setuptools<82"' if error.name == "pkg_resources" else 'tensorflow-hub tf-keras "setuptools<82"'
        raise MissingExtraError(f"tensorflow_hub cannot be imported ({short(error)}): pip install {cure}") from None


@contextlib.contextmanager
def time_limit():
    """Neither tensorflow_hub nor Keras gives its downloads a time limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def short(error):
    """The first line of what an exception says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _module(network, half):
    """What is saved: the network as a function of images, over plain variables that do not train."""
    shape = getattr(network, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4 or shape[1] != shape[2] or shape[1] is None or shape[3] != 3:
        raise ExtractorError(f"the network must take images (n, size, size, 3), not {shape}")
    if not isinstance(network.output, dict):
        raise ExtractorError('the network must return a dict: keras.Model(images, {"deep": ..., "logits": ...})')
    module = tf.__internal__.tracking.AutoTrackable()
    module.variables = [tf.Variable(_stored(weight, half), trainable=False) for weight in network.weights]
    module.trainable_variables = []
    module.regularization_losses = []
    stored = {id(weight): variable for weight, variable in zip(network.weights, module.variables)}

    def value(variable):
        kept = stored.get(id(variable))
        if kept is None:  # the state of a random generator, which inference does not read
            return tf.zeros(variable.shape, variable.dtype)
        return tf.cast(kept, variable.dtype)

    @tf.function(input_signature=[tf.TensorSpec((None, *shape[1:]), tf.float32, name="images")], autograph=False)
    def call(images):
        trained = [value(variable) for variable in network.trainable_variables]
        others = [value(variable) for variable in network.non_trainable_variables]
        outputs, _ = network.stateless_call(trained, others, images, training=False)
        return {name: tf.cast(tensor, tf.float32) for name, tensor in outputs.items()}

    @tf.function(input_signature=[], autograph=False)
    def describe():
        names = tf.constant(sorted(network.output))
        return {"names": names, "size": tf.constant(shape[1]), "value_range": tf.constant([0.0, 1.0])}

    module.__call__, module.describe = call, describe
    return module


def _stored(weight, half):
    """The value of a Keras weight as it is stored."""
    array = weight.numpy().astype(np.float32)
    if not half:
        return array
    with np.errstate(over="ignore"):
        rounded = array.astype(np.float16)
    if not np.isfinite(rounded).all():
        raise ExtractorError(f"{weight.path} has values that float16 cannot hold: export with half=False")
    return rounded


_NUMBERED = re.compile(r"(__inference_\w*?_|CustomGradient-|PartitionedCall-)(\d+)\b")


def _renumbered(saved_model: bytes) -> bytes:
    """The same SavedModel with its functions numbered from 0.

    TensorFlow names functions by a counter of the process, and stores them in the order of a hash table.
    """
    text = text_format.MessageToString(saved_model_pb2.SavedModel.FromString(saved_model))
    found = sorted({(int(number), prefix) for prefix, number in _NUMBERED.findall(text)})
    new = {f"{prefix}{number}": f"{prefix}{rank}" for rank, (number, prefix) in enumerate(found)}
    proto = text_format.Parse(_NUMBERED.sub(lambda match: new[match[0]], text), saved_model_pb2.SavedModel())
    for meta_graph in proto.meta_graphs:
        library = meta_graph.graph_def.library
        library.function.sort(key=lambda function: function.signature.name)
        library.registered_gradients.sort(key=lambda gradient: gradient.gradient_func)
        for function in library.function:  # captured variables have numbers of the process for names
            for argument in function.arg_attr.values():
                if "_user_specified_name" in argument.attr and argument.attr["_user_specified_name"].s.isdigit():
                    del argument.attr["_user_specified_name"]
    return proto.SerializeToString(deterministic=True)
