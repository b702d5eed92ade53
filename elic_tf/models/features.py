"""A frozen feature extractor: a network somebody trained, as a Keras layer that passes gradients and never learns.

    extract = FrozenExtractor()                 # the face-question answerer's image tower, shipped with elic_tf
    features = extract(faces)                   # dict of name -> tensor
    loss = keras.ops.mean(keras.ops.square(extract(decoded)["middle"] - extract(faces)["middle"]))

Why not `hub.KerasLayer`: it is a Keras 2 layer, which Keras 3 models refuse (github.com/tensorflow/hub/issues/920).

Other networks, each one argument away; 64 x 64 faces have to be enlarged to the size a network was trained on:

    # TF-Hub module, 96 x 96, feature vector of 1280. tfhub.dev forwards to Kaggle Models and goes on working with
    # tensorflow_hub (github.com/tensorflow/tfhub.dev); the download is kept in $TFHUB_CACHE_DIR.
    FrozenExtractor("https://tfhub.dev/google/imagenet/mobilenet_v2_035_96/feature_vector/5", size=96)

    # Kaggle Models: the address on the model's page, or what kagglehub, which Colab has, downloads into a folder.
    FrozenExtractor("https://www.kaggle.com/models/google/mobilenet-v2/TensorFlow2/130-224-feature-vector/2", size=224)
    FrozenExtractor(kagglehub.model_download("google/mobilenet-v2/tensorFlow2/100-224-feature-vector"), size=224)

    # Keras application, whose outputs are the names of its layers. Keras fetches the weights.
    FrozenExtractor("keras:MobileNetV2", outputs=["block_3_expand_relu", "block_6_expand_relu"], size=96)

A SavedModel is a program: load those you trust.
"""

import difflib
import functools
import inspect
import os

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from elic_tf.errors import ImageError
from elic_tf.models import hub_module
from elic_tf.models.hub_module import ExtractorError, NoModuleError, NoNetworkError, short, time_limit

_PROBE = 96  # pixels of the image that tries out a network which takes any size


class NoGradientError(ExtractorError):
    """No gradient comes back from an output to the images, so nothing could learn from it."""


class InputSizeError(ExtractorError, ImageError):
    """The images have another size than the network takes."""


@keras.saving.register_keras_serializable(package="elic_tf")
class FrozenExtractor(keras.layers.Layer):
    """Images (n, h, w, 3) in [0, 1] to a dict of name -> float32 tensor, with gradient and without trainable variables.

    handle: what to load:
      None, the module that elic_tf ships;
      a folder with a TF2 SavedModel, or a `.tar.gz` of one;
      an http(s) address by the TF-Hub convention (tensorflow.org/hub/hosting), downloaded once by tensorflow_hub;
      "keras:NAME", an application such as "keras:MobileNetV2", which gets its own preprocessing;
      a functional keras.Model that takes images in [0, 1], of which a copy is kept.
    outputs: names of the outputs wanted (default: all). The one output of a network that does not name it is "output";
      of Keras networks any layer may be named.
    size: resize the images to size x size (bilinear; with antialiasing if that makes them smaller).
    weights: of a Keras application: "imagenet", a file, or None for random ones.

    Attributes: `names`, the outputs; `input_size`, the only size the network itself takes, or None.

    It computes in float32 under any dtype policy (a keras.Model: as it was built). Loading it takes the gradient of
    every output with respect to an image, and refuses the network if one is missing: NoGradientError. Other errors:
    NoModuleError, NoNetworkError, InputSizeError, ExtractorError, and MissingExtraError if tensorflow_hub is needed and
    cannot be imported.

    Saved in a `.keras` file are the handle and the weights of Keras networks, not the SavedModel, which must still be
    there on loading; a handle other than None and Keras networks needs `load_model(..., safe_mode=False)`.
    """

    def __init__(self, handle=None, outputs=None, size=None, weights="imagenet", **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs, "trainable": False})
        # A model is not kept here: as a part of this layer it would go on learning.
        self.handle = None if isinstance(handle, keras.Model) else handle and os.fspath(handle)
        self.size = size
        self._given, self._pretrained = None if outputs is None else tuple(outputs), weights
        if isinstance(handle, keras.Model) or str(handle).startswith("keras:"):
            self._title = f"the model {handle.name!r}" if self.handle is None else self.handle
            self._network, self._apply = _keras_network(handle, self._given, weights, self._title)
            available, shapes = self._network.output, [self._network.input_shape]
        else:
            self._title = self.handle or "the extractor that elic_tf ships"
            self._module = hub_module.load(self.handle)
            self._apply, available, shapes = _function(self._module, self._title)
        self.input_size = _only_size(shapes)
        if size and self.input_size and size != self.input_size:
            raise InputSizeError(f"{self._title} takes images of size {self.input_size} only, not {size}")
        self.names = self._checked(available)

    @property
    def trainable(self):
        """Always False, also inside a model that is made trainable."""
        return False

    @trainable.setter
    def trainable(self, value):
        pass

    def call(self, images):
        outputs = self._apply(self._resized(images))
        return {name: ops.cast(outputs[name], "float32") for name in self.names}

    def get_config(self):
        handle = self.handle
        if handle is None and hasattr(self, "_network"):
            handle = keras.saving.serialize_keras_object(self._network)
        own = {
            "handle": handle,
            "outputs": self._given and list(self._given),
            "size": self.size,
            "weights": self._pretrained,
        }
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config):
        handle = config["handle"]
        if isinstance(handle, dict):
            handle = keras.saving.deserialize_keras_object(handle)
        elif handle and not handle.startswith("keras:") and _in_safe_mode():
            raise ExtractorError(
                f"the model uses {handle}, and a SavedModel is a program: if you trust it, load with safe_mode=False"
            )
        return cls(**{**config, "handle": handle})

    def _resized(self, images):
        """Images as the network takes them."""
        if len(images.shape) != 4 or images.shape[3] != 3 or not keras.backend.is_float_dtype(images.dtype):
            raise ImageError(
                f"the extractor takes images (n, h, w, 3), float in [0, 1], not {tuple(images.shape)} {images.dtype}"
            )
        images = ops.cast(images, "float32")
        shape, wanted = tuple(images.shape[1:3]), self.size or self.input_size
        if not wanted or shape == (wanted, wanted):
            return images
        if not self.size:
            raise InputSizeError(
                f"{self._title} takes images of {wanted} x {wanted}, not of {' x '.join(map(str, shape))}: "
                f"give it size={wanted} and it resizes them"
            )
        smaller = None in shape or max(shape) > wanted
        return ops.image.resize(images, (wanted, wanted), interpolation="bilinear", antialias=smaller)

    def _checked(self, available):
        """The names of the outputs, all of which exist and pass a gradient."""
        names = tuple(sorted(available)) if self._given is None else self._given
        if unknown := [name for name in names if name not in available]:
            raise ExtractorError(
                f"{self._title} has no output {', '.join(unknown)}, only {', '.join(sorted(available))}"
            )
        size = self.size or self.input_size or _PROBE
        dead = [name for name in names if not self._has_gradient(name, size)]
        if dead:
            alive = [name for name in names if name not in dead]
            advice = f"take the others, outputs={alive}" if alive else "nothing can be trained through it"
            raise NoGradientError(f"{self._title} passes no gradient from {', '.join(dead)} to the images: {advice}")
        return names

    def _has_gradient(self, name, size):
        """Whether some finite gradient other than zero goes from an output to a random image."""
        random = np.random.default_rng(0)
        images = tf.constant(random.random((1, size, size, 3)), tf.float32)

        @tf.autograph.experimental.do_not_convert
        def back():
            # One tape for each output: a persistent one fails in older modules (mobilenet_v2 before version 5).
            with tf.GradientTape() as tape:
                tape.watch(images)
                output = self._apply(images)[name]
            if not output.dtype.is_floating:
                return False
            # Any direction will do, except that of the plain sum: the sum of probabilities is constant.
            direction = tf.cast(random.normal(size=output.shape), output.dtype)
            gradient = tape.gradient(output, images, output_gradients=direction)
            return gradient is not None and bool(np.isfinite(gradient).all() and np.any(gradient))

        strategy = tf.distribute.get_strategy()  # a module loaded for several devices only runs on one of them
        try:
            return strategy.experimental_local_results(strategy.run(back))[0]
        except LookupError:  # an operation has no gradient
            return False
        except Exception as error:  # whatever the operations of a network raise
            raise ExtractorError(f"{self._title} fails on images of {size} x {size}: {short(error)}") from error


def _function(module, title):
    """(function from images to a dict, the names in that dict, shapes of the images) of a loaded SavedModel."""
    if callable(module) and module.__call__.concrete_functions:
        extra = {"training": False} if "training" in inspect.signature(module.__call__).parameters else {}
        function, traces = functools.partial(module, **extra), module.__call__.concrete_functions
    else:
        signatures = getattr(module, "signatures", {})
        name = next((name for name in ("default", "serving_default") if name in signatures), None)
        if name is None:
            raise NoModuleError(f"{title} can neither be called nor has it a signature: it is no TF-Hub module")
        traces = [signatures[name]]
        argument = next(iter(traces[0].structured_input_signature[1]))

        def function(images):
            return traces[0](**{argument: images})

    specs = [spec for trace in traces for spec in tf.nest.flatten(trace.structured_input_signature)]
    shapes = [spec.shape for spec in specs if isinstance(spec, tf.TensorSpec) and spec.shape.rank == 4]
    return lambda images: _named(function(images)), list(_named(traces[0].structured_outputs)), shapes


def _keras_network(handle, outputs, weights, title):
    """(network that returns a dict, function from images in [0, 1] to that dict) of a Keras network."""
    if isinstance(handle, keras.Model):
        source, prepare = _copy(handle, title), lambda images: images
    else:
        source, prepare = _application(handle.partition(":")[2], weights)
    own = _named(source.output)
    layers = {layer.name: layer for layer in source.layers}
    if unknown := [name for name in outputs or () if name not in own and name not in layers]:
        near = difflib.get_close_matches(unknown[0], [*own, *layers]) or sorted(own)
        raise ExtractorError(f"{title} has no output or layer {', '.join(unknown)}; do you mean {' or '.join(near)}?")
    tensors = {name: own[name] if name in own else layers[name].output for name in outputs or own}
    network = keras.Model(source.inputs[0], tensors)
    network.trainable = False
    return network, lambda images: network(prepare(images), training=False)


def _copy(model, title):
    """A functional model over again, so that freezing it leaves the caller's alone."""
    try:
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
        return copy
    except (ValueError, NotImplementedError) as error:
        raise ExtractorError(f"{title} cannot be copied, only functional models can: {short(error)}") from None


def _application(name, weights):
    """(model without its classifier, function from [0, 1] to its own range of values) of a Keras application."""
    factory = getattr(keras.applications, name, None)
    if not inspect.isfunction(factory):
        raise NoModuleError(f"Keras has no application {name!r}; see keras.io/api/applications for the names")
    preprocess = getattr(keras.applications, factory.__module__.rpartition(".")[2]).preprocess_input
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        with time_limit():
            model = factory(include_top=False, weights=weights)
    except ValueError as error:
        raise ExtractorError(f"keras:{name} with weights={weights!r}: {short(error)}") from None
    except Exception as error:  # Keras's download raises plain Exceptions
        raise NoNetworkError(
            f"the weights of keras:{name} cannot be fetched ({short(error)}): connect to the network, or give "
            "weights=FILE"
        ) from None
    finally:
        keras.config.set_dtype_policy(policy)
    return model, lambda images: preprocess(255 * images)


def _named(outputs):
    """A network's result as a dict."""
    if isinstance(outputs, dict):
        return dict(outputs)
    if isinstance(outputs, (list, tuple)):
        return {f"output_{index}": tensor for index, tensor in enumerate(outputs)}
    return {"output": outputs}


def _only_size(shapes):
    """The one size that all shapes (n, size, size, 3) ask for, or None."""
    sizes = {tuple(shape)[1:3] for shape in shapes}
    height, width = sizes.pop() if len(sizes) == 1 else (None, None)
    return height if height == width else None


def _in_safe_mode():
    from keras.src.saving.serialization_lib import in_safe_mode  # Keras has no public way to ask

    return bool(in_safe_mode())
