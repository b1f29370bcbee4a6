"""Makes small models with random weights, and their vectors, with the original libraries.

Usage: python make_small.py. Needs torch, transformers, tokenizers and sentence-transformers.

They stand for what the real model of the reference is not: another family (MPNet, with its biases for distances), another
activation, pooling by the first token, no normalisation, weights below the family's name.
"""

import json
import pathlib
import shutil
import string

import numpy
import torch
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, MPNetConfig, MPNetModel, PreTrainedTokenizerFast

here = pathlib.Path(__file__).parent
SENTENCES = [
    "Created container 100",
    "created container 100",
    "",
    "a",
    "The plugin reads images from the microscope.",
    "unknown: 容器已创建",
    "far " * 60,
    "one two three four five six seven eight nine ten " * 2,
    "cut off " * 200,
]
ENDS = {"bert": ("[CLS]", "[SEP]"), "mpnet": ("<s>", "</s>")}


def tokenizer(family):
    first, last = ENDS[family]
    special = [first, "[PAD]", last, "[UNK]", "[MASK]"]
    words = ["created", "container", "the", "plugin", "far", "one", "two", "cut", "off", "##s", "##er"]
    characters = string.ascii_lowercase + string.digits + ".:,"
    vocabulary = special + words + list(characters) + ["##" + character for character in characters]
    vocabulary = {word: number for number, word in enumerate(vocabulary)}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [(first, vocabulary[first]), (last, vocabulary[last])]
    made.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", pair=f"{first} $A {last} {last} $B {last}", special_tokens=ends
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made, cls_token=first, sep_token=last, pad_token="[PAD]", unk_token="[UNK]", mask_token="[MASK]"
    )


def make(name, family, model, *, pooling, is_normalised, is_below):
    place = here / name
    shutil.rmtree(place, ignore_errors=True)
    model.eval().save_pretrained(place)
    tokenizer(family).save_pretrained(place)
    size = model.config.hidden_size
    (place / "1_Pooling").mkdir()
    flags = {f"pooling_mode_{kind}": kind == pooling for kind in ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")}
    (place / "1_Pooling/config.json").write_text(json.dumps({"word_embedding_dimension": size, **flags}))
    kinds = ["Transformer", "Pooling"] + ["Normalize"] * is_normalised
    paths = ["", "1_Pooling", "2_Normalize"]
    modules = [
        {"idx": number, "name": str(number), "path": paths[number], "type": f"sentence_transformers.models.{kind}"}
        for number, kind in enumerate(kinds)
    ]
    (place / "modules.json").write_text(json.dumps(modules))
    (place / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 100, "do_lower_case": False}))
    original = SentenceTransformer(str(place), device="cpu")
    vectors = numpy.stack([original.encode(sentence, batch_size=1) for sentence in SENTENCES]).astype("<f4")
    (place / "sentences.json").write_text(json.dumps(SENTENCES, ensure_ascii=False))
    (place / "vectors.f32").write_bytes(vectors.tobytes())
    if is_below:
        weights = load_file(place / "model.safetensors")
        save_file({f"{family}.{key}": value for key, value in weights.items()}, place / "model.safetensors")
    for file in ("tokenizer_config.json", "special_tokens_map.json", "README.md"):
        (place / file).unlink(missing_ok=True)


SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 130,
    "vocab_size": 96,
    "initializer_range": 0.5,
}

torch.manual_seed(20261121)
make(
    "small-mpnet",
    "mpnet",
    MPNetModel(MPNetConfig(**SHAPE, pad_token_id=1), add_pooling_layer=False),
    pooling="mean_tokens",
    is_normalised=True,
    is_below=False,
)
make(
    "small-bert",
    "bert",
    BertModel(BertConfig(**SHAPE, pad_token_id=1, hidden_act="gelu_new"), add_pooling_layer=False),
    pooling="cls_token",
    is_normalised=False,
    is_below=True,
)
