"""The checks of each lesson, with the reference solutions; loaded by `elic_tf.course.checks` when asked for."""
