"""Recipes: `python -m elic_tf.train NAME` makes the weights of a model from faces, and can be interrupted."""
