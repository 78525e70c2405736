"""Writes a tiny language model with random weights as a GGUF file.

Two layers, 32 wide, 260 tokens (the bytes and four more) of a byte-level tokenizer,
about 170 kB: what it says is noise, but every part of a real model is there.
"""

import random
import struct
from array import array
from collections.abc import Mapping
from itertools import count
from pathlib import Path

_LAYERS, _WIDTH, _HEADS, _HIDDEN = 2, 32, 4, 64
_UINT32, _FLOAT32, _BOOL, _STRING, _ARRAY, _INT32 = 4, 6, 7, 8, 9, 5
_NORMAL, _CONTROL = 1, 3
_F32 = 0
_ALIGNMENT = 32
_END_OF_TEXT, _END_OF_TURN = 257, 259
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_tiny_model(path: Path, *, context: int = 2048, seed: int = 0) -> Path:
    """Write the model to `path` and return it; the same seed gives the same bytes."""
    tokens = _tokens()
    metadata: dict[str, bytes] = {
        "general.architecture": _string("llama"),
        "general.name": _string("tiny-random"),
        "general.file_type": _number(_UINT32, 0),
        "llama.context_length": _number(_UINT32, context),
        "llama.embedding_length": _number(_UINT32, _WIDTH),
        "llama.block_count": _number(_UINT32, _LAYERS),
        "llama.feed_forward_length": _number(_UINT32, _HIDDEN),
        "llama.attention.head_count": _number(_UINT32, _HEADS),
        "llama.attention.head_count_kv": _number(_UINT32, _HEADS),
        "llama.attention.layer_norm_rms_epsilon": _number(_FLOAT32, 1e-5),
        "llama.rope.dimension_count": _number(_UINT32, _WIDTH // _HEADS),
        "llama.vocab_size": _number(_UINT32, len(tokens)),
        "tokenizer.ggml.model": _string("gpt2"),
        "tokenizer.ggml.pre": _string("qwen2"),
        "tokenizer.ggml.tokens": _strings(tokens),
        "tokenizer.ggml.token_type": _array(
            _INT32, "i", [_NORMAL] * 257 + [_CONTROL] * 3
        ),
        "tokenizer.ggml.scores": _array(_FLOAT32, "f", [0.0] * len(tokens)),
        "tokenizer.ggml.merges": _strings(["Ġ t"]),
        "tokenizer.ggml.bos_token_id": _number(_UINT32, _END_OF_TEXT),
        "tokenizer.ggml.eos_token_id": _number(_UINT32, _END_OF_TURN),
        "tokenizer.ggml.add_bos_token": _number(_BOOL, 0),
        "tokenizer.chat_template": _string(_TEMPLATE),
    }
    path.write_bytes(_file(metadata, _tensors(len(tokens), random.Random(seed))))
    return path


def _tokens() -> list[str]:
    """Return the alphabet of byte-level tokenizers, a merge and three controls."""
    spare = count(256)
    visible = {*range(33, 127), *range(161, 173), *range(174, 256)}
    letters = [chr(b) if b in visible else chr(next(spare)) for b in range(256)]
    return [*letters, "Ġt", "<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def _tensors(vocabulary: int, rng: random.Random) -> dict[str, "_Tensor"]:
    def noise(rows: int, columns: int) -> _Tensor:
        values = array("f", (rng.gauss(0, 0.3) for _ in range(rows * columns)))
        return (columns, rows), values

    ones: _Tensor = (_WIDTH,), array("f", [1.0] * _WIDTH)
    found = {
        "token_embd.weight": noise(vocabulary, _WIDTH),
        "output_norm.weight": ones,
        "output.weight": noise(vocabulary, _WIDTH),
    }
    for layer in range(_LAYERS):
        block = f"blk.{layer}"
        for name in ("attn_norm", "ffn_norm"):
            found[f"{block}.{name}.weight"] = ones
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            found[f"{block}.{name}.weight"] = noise(_WIDTH, _WIDTH)
        for name in ("ffn_gate", "ffn_up"):
            found[f"{block}.{name}.weight"] = noise(_HIDDEN, _WIDTH)
        found[f"{block}.ffn_down.weight"] = noise(_WIDTH, _HIDDEN)
    return found


_Tensor = tuple[tuple[int, ...], "array[float]"]
"""Sizes, the fastest first, and values."""


def _file(metadata: Mapping[str, bytes], tensors: Mapping[str, _Tensor]) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, value in metadata.items():
        head += _text(key) + value
    data = b""
    for name, (sizes, values) in tensors.items():
        head += _text(name) + struct.pack("<I", len(sizes))
        head += struct.pack(f"<{len(sizes)}Q", *sizes)
        head += struct.pack("<IQ", _F32, len(data))
        data += _padded(values.tobytes())
    return _padded(head) + data


def _padded(raw: bytes) -> bytes:
    return raw + b"\0" * (-len(raw) % _ALIGNMENT)


def _text(value: str) -> bytes:
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def _string(value: str) -> bytes:
    return struct.pack("<I", _STRING) + _text(value)


def _strings(values: list[str]) -> bytes:
    head = struct.pack("<IIQ", _ARRAY, _STRING, len(values))
    return head + b"".join(map(_text, values))


def _number(kind: int, value: float) -> bytes:
    form = {_UINT32: "I", _FLOAT32: "f", _BOOL: "?"}[kind]
    return struct.pack("<I", kind) + struct.pack(f"<{form}", value)


def _array(kind: int, form: str, values: list[int] | list[float]) -> bytes:
    head = struct.pack("<IIQ", _ARRAY, kind, len(values))
    return head + struct.pack(f"<{len(values)}{form}", *values)
