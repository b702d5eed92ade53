"""The light on a scene: where it comes from, its colour, and how surfaces answer to it."""

import numpy as np

from elic_tf.faces.synthetic.view import View

_FROM = {
    "front": (0.0, -0.35, 1.0),
    "left": (-0.95, -0.25, 0.62),
    "right": (0.95, -0.25, 0.62),
    "above": (0.0, -1.0, 0.62),
    "above left": (-0.62, -0.7, 0.75),
    "above right": (0.62, -0.7, 0.75),
}
_STRENGTH = (0.86, 1.12, 1.12, 1.08, 1.02, 1.02)
_KEY = ("#dfeaff", "#fffaf2", "#ffdcae")
_FILL = ("#e6ecff", "#f0f0f2", "#f4ead8")


class Light:
    """One key light and a soft surrounding, for each face of a view."""

    def __init__(self, view: View):
        vectors = np.array(list(_FROM.values()))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        self.x, self.y, self.z = (view.pick("light", tuple(vectors[:, axis])) for axis in range(3))
        # Half-way vector between the light and the viewer (0, 0, 1), for highlights.
        length = 1 / np.sqrt(2 + 2 * self.z)
        self.hx, self.hy, self.hz = self.x * length, self.y * length, (self.z + 1) * length
        self.key = view.colour("warmth", _KEY) * view.pick("light", _STRENGTH)
        self.fill = view.colour("warmth", _FILL) * 0.36

    def diffuse(self, nx, ny, nz, wrap=0.0):
        """Lambert's cosine, wrapped around the terminator by `wrap`, in [0, 1]."""
        out = nx * self.x
        out += ny * self.y
        out += nz * self.z
        out += wrap
        out *= 1 / (1 + wrap)
        return np.clip(out, 0, 1, out=out)

    def gloss(self, nx, ny, nz):
        """Blinn and Phong's cosine between the normal and the half-way vector, in [0, 1]."""
        out = nx * self.hx
        out += ny * self.hy
        out += nz * self.hz
        return np.clip(out, 0, 1, out=out)
