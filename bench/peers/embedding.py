"""Sentence vectors by the reference implementation. Arguments: alone, batch or load; the model's directory; a
file with the sentences."""

import json
import pathlib
import sys

from clock import measured


def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


what, directory, sentences = sys.argv[1:]
sentences = json.loads(pathlib.Path(sentences).read_text())
before = resident()

from sentence_transformers import SentenceTransformer  # noqa: E402


def load():
    model = SentenceTransformer(directory, device="cpu")
    model.encode("warm", show_progress_bar=False)
    return model


if what == "load":
    kept = []

    def work():
        kept.append(load())
        return resident() - before

else:
    model = load()
    at_once = 32 if what == "batch" else 1
    model.encode(sentences, batch_size=at_once, show_progress_bar=False)

    def work():
        for begin in range(0, len(sentences), at_once):
            model.encode(sentences[begin : begin + at_once], batch_size=at_once, show_progress_bar=False)
        return len(sentences)


measured(work)
