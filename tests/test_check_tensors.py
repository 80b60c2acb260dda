"""Checks of functions of PyTorch's tensors: what is no loss is told so, whatever its numbers are."""

import numpy as np
import pytest
from learners import torch, written

from course_utils.checks import judge, load

pytest.importorskip("torch")
LOSS = """A = (returns - values).detach()
loss = (-log_probs * A + (returns - values) ** 2 / 4).sum(-1).mean()
"""
SHIFTED = "right = logits[:, :-1].log_softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]\n"
MASK = "right = (tokens == end).cumsum(-1) - (tokens == end).long() == 0\n"
ARGUMENTS = {
    "actor_critic_loss": (LOSS, "(log_probs, values, returns)"),
    "token_log_probs": (SHIFTED, "(logits, tokens)"),
    "reply_mask": (MASK, "(tokens, end)"),
}
ANSWERS = [
    ("actor_critic_loss", "return loss", None),
    ("actor_critic_loss", "return loss[None]", None),  # as backward() takes it
    ("actor_critic_loss", "torch.set_default_dtype(torch.float32); torch.set_grad_enabled(False); return loss", None),
    ("actor_critic_loss", "return loss.item()", "no-tensor"),
    ("actor_critic_loss", "return loss.detach().numpy()", "no-tensor"),
    ("actor_critic_loss", "return [loss]", "no-tensor"),
    ("actor_critic_loss", "return 'loss'", "no-tensor"),
    ("actor_critic_loss", "return loss, A", "no-tensor"),
    ("actor_critic_loss", "return torch.sin", "wrong-type"),
    ("actor_critic_loss", "return None", "returns-none"),
    ("actor_critic_loss", "yield loss", "generator"),
    ("actor_critic_loss", "return loss.half()", "low-precision"),
    ("actor_critic_loss", "return loss.long()", "no-floats"),
    ("actor_critic_loss", "return loss.to(torch.complex128)", "odd-tensor"),
    ("actor_critic_loss", "return loss[None].to_sparse()", "odd-tensor"),
    ("actor_critic_loss", "return loss.to('meta')", "odd-tensor"),
    ("actor_critic_loss", "return A", "no-loss"),
    ("actor_critic_loss", "loss.backward(); return loss", "backward-inside"),
    ("actor_critic_loss", "return loss * float('nan')", "not-finite"),
    ("actor_critic_loss", "values.data.zero_(); return loss", "mutates-input"),
    ("actor_critic_loss", "returns.zero_(); return loss.clone()", "mutates-input"),
    ("actor_critic_loss", "return torch.tensor(loss.item(), requires_grad=True)", "nothing-to-learn"),
    ("actor_critic_loss", "with torch.inference_mode(): return loss + 0", "nothing-to-learn"),
    ("actor_critic_loss", "return values.numpy()", "raised"),
    ("token_log_probs", "return right", None),
    ("token_log_probs", "return right.detach()", "graph-cut"),
    ("token_log_probs", "return torch.tensor(right.tolist())", "graph-cut"),
    ("token_log_probs", "return right.tolist()", "no-tensor"),
    ("token_log_probs", "return right.bfloat16()", "low-precision"),
    ("token_log_probs", "logits -= 1; return right", "mutates-input"),
    ("reply_mask", "return right", None),
    ("reply_mask", "return right.bfloat16()", None),
    ("reply_mask", "return right.numpy()", "no-tensor"),
    ("reply_mask", "tokens += 1; return right", "mutates-input"),
]


def told(question, last):
    """Return what is said of the function whose last line this is."""
    body, arguments = ARGUMENTS[question]
    return judge(load(question), written(f"answer{arguments}", body + last, {"torch": torch, "np": np}), 0)


@pytest.mark.parametrize(("question", "last", "mistake"), ANSWERS)
def test_what_is_no_loss_is_told_so(question, last, mistake):
    modes = torch.get_default_dtype(), torch.is_grad_enabled()
    result = told(question, last)
    assert (result.status == "correct", result.mistake) == (mistake is None, mistake), result
    assert (torch.get_default_dtype(), torch.is_grad_enabled()) == modes


def test_a_check_does_not_ask_whether_the_notebook_has_gradients_on():
    with torch.no_grad():
        assert told("actor_critic_loss", "return loss").status == "correct"


def test_a_loss_is_shown_by_the_names_of_its_gradients():
    result = str(told("actor_critic_loss", "return 2 * loss"))
    assert "value = -0.375" in result
    assert "∂/∂values = [[ -1, 1.5]]" in result
