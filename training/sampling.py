"""What a causal model says to a prompt while it is trained: greedy, so that a run draws nothing for it."""

from __future__ import annotations

from typing import Any


def continuation(model: Any, tokenizer: Any, prompt: str, tokens: int, *, chat: bool) -> str:
    """At most `tokens` tokens; as an answer in the model's chat template, or as the text that goes on."""
    import torch
    from transformers import GenerationConfig

    text = prompt
    if chat:
        turn = [{"role": "user", "content": prompt}]
        text = tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
    ids = torch.tensor([tokenizer(text, add_special_tokens=not chat)["input_ids"]], device=model.device)
    choice = GenerationConfig(
        max_new_tokens=tokens,
        do_sample=False,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.no_grad():
        said = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=choice)
    return str(tokenizer.decode(said[0, ids.shape[1] :], skip_special_tokens=True))
