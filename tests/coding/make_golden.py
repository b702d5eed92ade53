"""Write golden files for a new codec, once: `python tests/coding/make_golden.py NAME`. Old ones are never rewritten."""

import json
import sys

from test_codec import GOLDEN, digest

import elic_tf
from elic_tf.faces import synthetic

name = sys.argv[1]
record = GOLDEN / "symbols.json"
golden = json.loads(record.read_text()) if record.exists() else {}
if name in golden:
    sys.exit(f"{name} has its golden files; a model that changes needs a new name and number")
codec = elic_tf.Codec.load(name)
files = {}
for bits in (48, 128, 256, 512, 1024, 4096):
    for number, file in enumerate(codec.encode(synthetic.faces(3, seed=99), bits=bits)):
        files[f"{name}_{bits}_{number}.elic"] = file
for path, file in files.items():
    (GOLDEN / path).write_bytes(file)
thumbnails = codec.decode(list(files.values())).reshape(len(files), 4, 16, 4, 16, 3).mean((2, 4))
golden[name] = {
    "files": list(files),
    "symbols": digest(codec, files.values()),
    "thumbnails": thumbnails.round(4).tolist(),
}
record.write_text(json.dumps(golden) + "\n")
