"""How fast `fit` trains beside the smallest loop one could write: `python -m elic_tf.train.speed`, in `make bench`.

The same network, data and optimizer, a few steps of each in turn; only the ratio means anything on another machine. The
input pipeline is also run alone: it must be so much faster than training that training never waits for it.
"""

import itertools
import sys
import time
import warnings

import numpy as np

STEPS, ROUNDS, BATCH = 12, 3, 32


def main():
    """Print images per second of `fit`, of a hand-written loop, and of the input pipeline."""
    import keras
    import tensorflow as tf

    from elic_tf import weights
    from elic_tf.faces import synthetic
    from elic_tf.train.transform import batches
    from elic_tf.train.transform_model import TransformModel

    klt = weights.load("klt")
    faces = np.asarray(synthetic.load(512, seed=1).images)
    latents = len(klt.code.scales)

    def prepared():
        model = TransformModel(klt)
        optimizer = keras.optimizers.Adam(1e-3, global_clipnorm=1.0, use_ema=True, ema_momentum=0.998)
        model.compile(optimizer=optimizer, jit_compile=False)
        model.optimizer.build(model.trainable_variables)
        return model

    fitted, looped = prepared(), prepared()

    @tf.function
    def step(batch):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(looped._cost(batch, True)[0])
        variables = looped.trainable_variables
        looped.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    def fit():
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*shuffle=True")
            fitted.fit(batches(faces, latents, batch=BATCH), epochs=1, steps_per_epoch=STEPS, verbose=0)

    def loop():
        for batch in itertools.islice(batches(faces, latents, batch=BATCH), STEPS):
            step(batch)

    def data():
        for _ in itertools.islice(batches(faces, latents, batch=BATCH), 20 * STEPS):
            pass

    fit(), loop(), data()  # build the graphs
    times = {"fit": [], "hand-written loop": []}
    for _ in range(ROUNDS):
        for name, task in (("fit", fit), ("hand-written loop", loop)):
            times[name].append(_seconds(task))
    images = BATCH * STEPS
    ours, theirs = (images / min(times[name]) for name in times)
    pipeline = 20 * images / min(_seconds(data) for _ in range(ROUNDS))
    print("Training the learned codec, images a second (best of each)")
    print(f"  {'elic_tf, model.fit':44}{ours:10.0f}")
    print(f"  {'hand-written tf.function loop':44}{theirs:10.0f}   ours is {ours / theirs:.2f} of it")
    print(f"  {'input pipeline alone':44}{pipeline:10.0f}   {pipeline / ours:.0f} times what training takes")


def _seconds(task):
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
