"""Makes vectors.f32 from sentences.json with the original libraries. Needs torch and sentence-transformers.

Usage: python make.py DIRECTORY_OF_THE_MODEL

Each sentence is encoded alone, so that no padding is in it. 200 rows of 384 little-endian float32, in the order of the
sentences.
"""

import importlib.metadata
import json
import pathlib
import sys

import numpy
import torch
from sentence_transformers import SentenceTransformer

here = pathlib.Path(__file__).parent
torch.manual_seed(0)
model = SentenceTransformer(sys.argv[1], device="cpu")
sentences = json.loads((here / "sentences.json").read_text())
vectors = numpy.stack([model.encode(sentence, batch_size=1) for sentence in sentences]).astype("<f4")
assert vectors.shape == (200, 384), vectors.shape
(here / "vectors.f32").write_bytes(vectors.tobytes())
for name in ("torch", "transformers", "tokenizers", "sentence-transformers"):
    print(name, importlib.metadata.version(name))
