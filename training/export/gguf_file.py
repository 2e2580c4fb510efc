"""A causal model of llama's shape as one GGUF file, which llama.cpp, OpenVINO and `transformers` read.

Does: names, layout and numbers as llama.cpp has them, in F16, or in Q8_0 with 8.5 bits a weight; norms stay
float32. Does not: other architectures, biases, or rope that is scaled; they are refused, not approximated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from training.errors import BadConfigError, RunError
from training.export.gguf_tokenizer import write_tokenizer

if TYPE_CHECKING:
    import numpy as np

Quantization = Literal["f16", "q8_0"]
QUANTIZATIONS: tuple[Quantization, ...] = get_args(Quantization)
OnProgress = Callable[[float, float, str], None]

_LAYER_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
_OTHER_NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}


def write_gguf(
    model: Any,
    tokenizer: Any,
    path: Path,
    quantization: Quantization,
    name: str,
    source: Path | None,
    on_progress: OnProgress,
) -> None:
    """Write `path`.

    Args:
        model: a whole model in float32.
        tokenizer: the model's.
        path: the new file.
        quantization: of the matrices.
        name: for people.
        source: the GGUF that the base came from; its description of the tokenizer is kept where the
            tokenizer is still the same.
        on_progress: told tensors written, tensors in all, and the tensor's name.

    Raises:
        BadConfigError: the model or its tokenizer has no form in GGUF that this writes.
        OSError: the file can't be written.
    """
    import gguf

    check_shape(model)
    kind, file_type = {"f16": ("F16", "MOSTLY_F16"), "q8_0": ("Q8_0", "MOSTLY_Q8_0")}[quantization]
    writer = gguf.GGUFWriter(None, "llama")
    writer.add_type("model")
    writer.add_name(name)
    writer.add_file_type(gguf.LlamaFileType[file_type])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _write_shape(writer, model.config)
    write_tokenizer(writer, tokenizer, int(model.config.vocab_size), source)
    tensors = list(_tensors(model, gguf.GGMLQuantizationType[kind]))
    for tensor in tensors:
        writer.add_tensor_info(*tensor.described())
    try:
        writer.write_header_to_file(path)
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for done, tensor in enumerate(tensors, start=1):
            writer.write_tensor_data(tensor.values())
            on_progress(done, len(tensors), tensor.name)
        writer.flush()
    finally:
        writer.close()


def check_shape(model: Any) -> None:
    """Return if the model can be written.

    Raises:
        BadConfigError: it can't; the message says what it is.
    """
    config = model.config
    if config.model_type != "llama" or type(model).__name__ != "LlamaForCausalLM":
        raise BadConfigError(
            f"GGUF is written for causal models of llama's shape; this is a {config.model_type} "
            f"({type(model).__name__}). Export it as merged."
        )
    rope = getattr(config, "rope_parameters", None) or {}
    odd = [
        what
        for what, found in (
            ("biases in attention", config.attention_bias),
            ("biases in its feed-forward layers", config.mlp_bias),
            (f"the activation {config.hidden_act}", config.hidden_act != "silu"),
            ("scaled positions", rope.get("rope_type", "default") != "default"),
        )
        if found
    ]
    if odd:
        raise BadConfigError(f"GGUF is not written for a model with {odd[0]}. Export it as merged.")


def _write_shape(writer: Any, config: Any) -> None:
    rope = getattr(config, "rope_parameters", None) or {}
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(float(rope.get("rope_theta", 10000.0)))
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_rope_dimension_count(config.head_dim)
    if config.head_dim * config.num_attention_heads != config.hidden_size:
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)


@dataclass(frozen=True)
class _Tensor:
    """A tensor to be written: rounded only when its turn comes, so that one copy is held at a time."""

    name: str
    weight: Any
    kind: Any
    heads: int

    def described(self) -> tuple[str, Any, Any, int, Any]:
        """Name, shape in bytes where it is quantised, dtype, bytes, kind."""
        import gguf
        import numpy as np

        block, size = gguf.GGML_QUANT_SIZES[self.kind]
        shape = tuple(self.weight.shape)
        dtype = {"F32": np.float32, "F16": np.float16}.get(self.kind.name, np.uint8)
        if dtype is np.uint8:
            shape = gguf.quant_shape_to_byte_shape(shape, self.kind)
        return self.name, shape, np.dtype(dtype), self.weight.numel() // block * size, self.kind

    def values(self) -> np.ndarray[Any, Any]:
        """As they lie in the file."""
        import gguf
        import numpy as np

        values = self.weight.detach().numpy()
        largest = float(np.abs(values).max())
        if not largest <= float(np.finfo(np.float16).max):  # NaN fails it too
            raise RunError(
                f"The weights {self.name} are too large or not finite. Export the model as merged."
            )
        if self.heads:
            values = _interleaved(values, self.heads)
        found: np.ndarray[Any, Any] = gguf.quantize(np.ascontiguousarray(values), self.kind)
        return found


def _interleaved(values: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Rows of queries or keys in llama.cpp's order: its rotary positions turn neighbours, those of
    `transformers` the two halves of a head."""
    halves = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)


def _tensors(model: Any, kind: Any) -> Iterator[_Tensor]:
    import gguf

    config = model.config
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    weights = dict(model.state_dict())
    shared = model.get_input_embeddings().weight.data_ptr()
    if weights["lm_head.weight"].data_ptr() == shared:
        del weights["lm_head.weight"]  # readers take the embeddings where there is no output
    for name, weight in weights.items():
        found = _OTHER_NAMES.get(name)
        part = ""
        if found is None:
            layer, part = name.removeprefix("model.layers.").removesuffix(".weight").split(".", 1)
            part = _LAYER_NAMES[part]
            found = f"blk.{layer}.{part}.weight"
        chosen = kind
        if weight.ndim == 1:
            chosen = gguf.GGMLQuantizationType.F32
        elif weight.shape[-1] % gguf.GGML_QUANT_SIZES[kind][0]:
            chosen = gguf.GGMLQuantizationType.F16
        yield _Tensor(found, weight, chosen, heads.get(part, 0))
