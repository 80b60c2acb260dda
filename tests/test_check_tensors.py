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
ANSWERS = [  # a question, the mistake if there is one, and last lines of answers
    ("actor_critic_loss", None, "return loss", "return loss[None]"),
    ("actor_critic_loss", None, "torch.set_default_dtype(torch.float32); torch.set_grad_enabled(False); return loss"),
    ("actor_critic_loss", "no-tensor", "return loss.item()", "return loss.detach().numpy()", "return [loss]"),
    ("actor_critic_loss", "no-tensor", "return 'loss'", "return loss, A"),
    ("actor_critic_loss", "wrong-type", "return torch.sin"),
    ("actor_critic_loss", "returns-none", "return None"),
    ("actor_critic_loss", "generator", "yield loss"),
    ("actor_critic_loss", "low-precision", "return loss.half()"),
    ("actor_critic_loss", "no-floats", "return loss.long()"),
    ("actor_critic_loss", "odd-tensor", "return loss.to(torch.complex128)", "return loss[None].to_sparse()"),
    ("actor_critic_loss", "odd-tensor", "return loss.to('meta')"),
    ("actor_critic_loss", "no-loss", "return A"),
    ("actor_critic_loss", "backward-inside", "loss.backward(); return loss"),
    ("actor_critic_loss", "not-finite", "return loss * float('nan')"),
    ("actor_critic_loss", "mutates-input", "values.data.zero_(); return loss", "returns.zero_(); return loss.clone()"),
    ("actor_critic_loss", "nothing-to-learn", "return torch.tensor(loss.item(), requires_grad=True)"),
    ("actor_critic_loss", "nothing-to-learn", "with torch.inference_mode(): return loss + 0"),
    ("actor_critic_loss", "raised", "return values.numpy()"),
    ("token_log_probs", None, "return right"),
    ("token_log_probs", "graph-cut", "return right.detach()", "return torch.tensor(right.tolist())"),
    ("token_log_probs", "no-tensor", "return right.tolist()"),
    ("token_log_probs", "low-precision", "return right.bfloat16()"),
    ("token_log_probs", "mutates-input", "logits -= 1; return right"),
    ("reply_mask", None, "return right", "return right.bfloat16()"),
    ("reply_mask", "no-tensor", "return right.numpy()"),
    ("reply_mask", "mutates-input", "tokens += 1; return right"),
]


def told(question, last):
    """Return what is said of the function whose last line this is."""
    body, arguments = ARGUMENTS[question]
    return judge(load(question), written(f"answer{arguments}", body + last, {"torch": torch, "np": np}), 0)


@pytest.mark.parametrize(("question", "mistake", "last"), [(*row[:2], last) for row in ANSWERS for last in row[2:]])
def test_what_is_no_loss_is_told_so(question, mistake, last):
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
