"""Checks of what is to be trained: a learner's function called with tensors, and the gradient through it."""

from elic_tf.course.checks import Wrong


def eager(student, *arguments):
    """The student's result for tensors of float32, as it will be called in training."""
    import tensorflow as tf

    return student(*(tf.constant(argument, tf.float32) for argument in arguments))


def gradient(function, values):
    """The gradient of the sum of function(values) by values, an array of their shape; None where none passes."""
    import tensorflow as tf

    values = tf.constant(values, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(values)
        total = tf.reduce_sum(tf.convert_to_tensor(function(values)))
    found = tape.gradient(total, values)
    return None if found is None else found.numpy()


def expect_gradient(what, function, values):
    """Raise `Wrong` unless a gradient passes that is not 0 everywhere."""
    found = gradient(function, values)
    if found is None or not found.any():
        raise Wrong(f"{what}: the values are right, but no gradient passes; use keras.ops, not NumPy")
