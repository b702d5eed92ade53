"""What every recipe does between two epochs: write a checkpoint, keep the best weights, show a bar, count minutes."""

import importlib.util
import json
import os
import pathlib
import time
import warnings

import keras
import numpy as np


class Resume(keras.callbacks.Callback):
    """Everything that a step depends on, written after each epoch; `restore` says how many epochs are done.

    A model with several optimizers names them in `optimizers`.
    """

    def __init__(self, path):
        super().__init__()
        self.path = pathlib.Path(path)

    def _variables(self):
        optimizers = getattr(self.model, "optimizers", None) or [self.model.optimizer]
        return [*self.model.variables, *(variable for each in optimizers for variable in each.variables)]

    def restore(self, model):
        self.set_model(model)
        if not self.path.exists():
            return 0
        with np.load(self.path) as held:
            for i, variable in enumerate(self._variables()):
                variable.assign(held[f"v{i}"])
            return int(held["epochs"])

    def on_epoch_end(self, epoch, logs=None):
        held = {f"v{i}": keras.ops.convert_to_numpy(variable.value) for i, variable in enumerate(self._variables())}
        part = self.path.with_name("part.npz")
        np.savez(part, epochs=epoch + 1, **held)
        os.replace(part, self.path)  # a kill leaves the old one or the new one


class Best(keras.callbacks.Callback):
    """Keeps the weights of the least `val_loss`, with the numbers, which outlive a kill."""

    def __init__(self, folder):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.note = self.folder / "best.json"

    def on_epoch_end(self, epoch, logs=None):
        best = json.loads(self.note.read_text())["val_loss"] if self.note.exists() else np.inf
        if logs["val_loss"] < best:
            self.model.save_networks(self.folder)
            self.note.write_text(json.dumps({"epoch": epoch + 1} | {k: float(v) for k, v in logs.items()}))


class Progress(keras.callbacks.Callback):
    """A bar over all steps with the time left, and a line for each epoch."""

    def __init__(self, total, done):
        super().__init__()
        from tqdm import tqdm

        self.bar = tqdm(total=total, initial=done, unit="step", disable=None)

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update()

    def on_epoch_end(self, epoch, logs=None):
        self.bar.write(f"epoch {epoch + 1}: " + ", ".join(f"{k} {v:.4f}" for k, v in sorted(logs.items())))

    def on_train_end(self, logs=None):
        self.bar.close()


class Clock(keras.callbacks.Callback):
    """Minutes of training in `minutes.json` in a folder, after each epoch: those of runs that were killed count too."""

    def __init__(self, folder):
        super().__init__()
        self.note = pathlib.Path(folder) / "minutes.json"

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        before = json.loads(self.note.read_text()) if self.note.exists() else 0.0
        part = self.note.with_suffix(".part")
        part.write_text(json.dumps(before + (time.monotonic() - self.started) / 60))
        os.replace(part, self.note)


def cosine(rate, total):
    """A learning rate that rises over the first steps, and falls to a hundredth along a cosine."""
    warm = min(300, total // 10)
    return keras.optimizers.schedules.CosineDecay(0.0, total - warm, warmup_target=rate, warmup_steps=warm, alpha=0.01)


def fit(model, data, out, *, epochs, epoch_steps, validation, stop=None, callbacks=()):
    """`model.fit` as every recipe does it: from where `resume.npz` in `out` ends, to `epochs` or to `stop`.

    model: compiled and built, with an optimizer that averages weights (`use_ema`), and `save_networks(folder)`.
    data: a function of the number of steps already done that gives an endless tf.data.Dataset.
    callbacks: more of them.
    """
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    resume = Resume(out / "resume.npz")
    done = resume.restore(model)
    # In this order: what is resumed are the weights themselves, what is kept as the best is their average.
    average = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
    bar = Progress(epochs * epoch_steps, done * epoch_steps)
    callbacks = [Clock(out), *callbacks, resume, average, Best(out), bar]
    if importlib.util.find_spec("tensorboard"):
        callbacks.append(keras.callbacks.TensorBoard(out / "log", write_graph=False))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*shuffle=True")
        model.fit(data(done * epoch_steps), epochs=min(epochs, stop or epochs), initial_epoch=done,
                  steps_per_epoch=epoch_steps, validation_data=validation, callbacks=callbacks, verbose=0)  # fmt: skip
    return model


def minutes(out):
    """Minutes of all trainings in the folder `out` and in those below it, those that were killed too: see `Clock`."""
    return float(sum(json.loads(note.read_text()) for note in pathlib.Path(out).rglob("minutes.json")))
