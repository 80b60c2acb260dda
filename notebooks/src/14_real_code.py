# %% [markdown] label="title" tags=["slide"] minutes=2
# # 14 · To real code
#
# You have written gradients by hand. In practice hardly anybody does: people write the *value*, and a library
# differentiates it. This lesson is the bridge. The formulas are those that you know, and you see that the library finds
# your gradients. Then come faults that stand in no formula and that many code bases have had.
#
# $$L(\theta)=-\frac1m\sum_\tau\sum_t\log\pi_\theta(a_t\mid s_t)\,A_t\qquad\texttt{loss.backward()}$$

# %% [markdown] label="aims" tags=["subslide"]
# After it you will be able to
#
# - **write** U, A2C, PPO's clip, the KL penalty and Bradley–Terry in PyTorch, and check the gradient of each,
# - **find** nine bugs that run without an error,
# - **test** a training loop before its first step,
# - **read** a small transformer that learns from preferences, and its log,
# - **read** a log in the form of a library that people use, and say what is missing in it.
#
# *About 90 minutes. You need lessons 09 to 12. PyTorch is needed to run it, and for no other lesson; without it the
# notebook shows what its cells printed.*

# %% label="setup" tags=["skip", "nbval-ignore-output"]
import copy
import inspect
import json

import numpy as np
from course_utils import objectives, policy, returns, rollout, stored_outputs, worlds
from course_utils.checks import check
from course_utils.data_files import DATA
from course_utils.rlhf import config, reward_model, run, world
from course_utils.widgets import Predict, Quiz
from IPython.display import Markdown

if stored_outputs.needs("torch", "14_real_code"):
    import torch
    from course_utils.rlhf import transformer
    from torch.nn import Linear

    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)  # PyTorch's own default is float32

# %% [markdown] label="autodiff" tags=["slide"] minutes=5
# ## A gradient without a formula
#
# PyTorch's arrays are called **tensors**, and a tensor can remember how it was computed. Whatever is made of one with
# `requires_grad=True` keeps the steps, as a graph. `.backward()` walks the graph back from one number, by the chain rule,
# and leaves the derivative by the tensor at the start in that tensor's `.grad`. Then the graph is thrown away, unless you
# say `retain_graph=True`.
#
# Here is lesson 02's score once more. What happens if you call `.backward()` a second time?

# %% label="predict-twice" tags=["fragment"]
Predict("14-twice")

# %% label="autodiff-code" answers="twice" tags=["subslide", "needs-torch"]
z = torch.tensor([1.0, 0.0, -1.0], requires_grad=True)
log_pi = z.log_softmax(dim=-1)
log_pi[0].backward(retain_graph=True)
print("by hand, by backward(), and after the second backward():")
print(policy.score(z.detach().numpy(), 0).round(3), z.grad.numpy().round(3), end=" ")
log_pi[0].backward()
print(z.grad.numpy().round(3))

# %% [markdown] label="autodiff-read" answers="twice" tags=["fragment"]
# The score is there, and the second call **added** to it. That is why each loop in PyTorch says `zero_grad()` before
# `backward()`: whoever forgets it steps along the sum of all gradients so far.
#
# `.detach()` is the other word to know. It gives the same numbers without their past: a constant, as A is in U.

# %% [markdown] label="six" tags=["slide"] minutes=6
# ## Six formulas, twice
#
# | | equation | in `course_utils.objectives` | in PyTorch |
# |---|---|---|---|
# | U | $\frac1m\sum_\tau\sum_t\log\pi(a_t\mid s_t)\,A_t$ | `advantage_objective` | `U` |
# | REINFORCE | the same with $A_t=\sum_{k\ge t}r_k$ | the same | `U` |
# | A2C | $-U+c_V\sum_t\frac12(G_t-V_t)^2-c_H\sum_t H$ | `a2c_loss` | `a2c` |
# | PPO | $\sum_t\min(\rho_tA_t,\ \mathrm{clip}(\rho_t)A_t)$ | `ppo_clip_objective` | `ppo` |
# | KL | $\sum_t\sum_a\pi(a)\log\frac{\pi(a)}{\pi_{\mathrm{ref}}(a)}$ | `kl_penalty` | `kl` |
# | Bradley–Terry | $-\frac1n\sum_i\log\sigma(r_i^+-r_i^-)$ | `bradley_terry_loss` | `bradley_terry` |
#
# From A2C on the mean over trajectories is left out of the table; in the code it is `.mean()`, and a sum over time is
# `.sum(-1)`. The logits `z` have shape (m, T, n): trajectories, steps, actions. PyTorch's word for clip is `clamp`, and
# its `minimum`, `exp` and `log_softmax` do what they say. No gradient is written anywhere.


# %% label="six-code" tags=["subslide", "needs-torch"]
def log_prob(z, a):  # gather picks the entry of each action
    return z.log_softmax(-1).gather(-1, a[..., None])[..., 0]


def U(z, a, A):
    return (log_prob(z, a) * A).sum(-1).mean()


def a2c(z, a, A, G, V, c_V=0.5, c_H=0.01):
    entropy = -(z.softmax(-1) * z.log_softmax(-1)).sum(-1)
    critic = 0.5 * (G - V) ** 2
    return (-log_prob(z, a) * A + c_V * critic - c_H * entropy).sum(-1).mean()


def ppo(z, a, A, old, epsilon=0.2):
    ratio = (log_prob(z, a) - old).exp()
    clipped = ratio.clamp(1 - epsilon, 1 + epsilon)
    return torch.minimum(ratio * A, clipped * A).sum(-1).mean()


def kl(z, ref):
    log_pi, log_ref = z.log_softmax(-1), ref.log_softmax(-1)
    return (log_pi.exp() * (log_pi - log_ref)).sum(-1).sum(-1).mean()


def bradley_terry(chosen, rejected):
    return -torch.nn.functional.logsigmoid(chosen - rejected).mean()


# %% [markdown] label="proof" tags=["slide"] minutes=4
# Equal? Three trajectories of four steps, random numbers, and each formula both ways: the value, and the gradient by
# everything that is learned (`leaves`: here the graph begins). `assert` stops the notebook where the two differ by more
# than rounding; what is printed has passed.
#
# `torch.autograd.grad` returns gradients, where `.backward()` stores them. A method whose name ends in `_` changes the
# tensor itself.


# %% label="proof-numbers" tags=["subslide", "needs-torch"]
def agree(name, loss, leaves, value, *gradients):  # to twelve digits
    found = [loss.detach(), *torch.autograd.grad(loss, leaves)]
    for one, other in zip(found, [value, *gradients], strict=True):
        assert np.allclose(one.numpy(), other, rtol=1e-12, atol=1e-12), name
    print(f"{name:13s} value {value:6.3f}, and gradients: {len(gradients)}")


rng = np.random.default_rng(14)
Z, REF, r, V = (rng.normal(size=shape) for shape in [(3, 4, 3), (3, 4, 3), (3, 4), (3, 5)])
act, old = rng.integers(3, size=(3, 4)), rng.uniform(-1.5, -0.5, size=(3, 4))
by_gae = objectives.a2c_loss(Z, act, r, 0.9, V, lambda_=0.95, entropy_cost=0.01)
to_go, A, G = (x.copy() for x in (returns.reward_to_go(r), by_gae.advantages, by_gae.returns))
z, v, ref, a = (torch.tensor(x) for x in (Z, V[:, :-1], REF, act))
z.requires_grad = v.requires_grad = True  # what is learned

# %% label="proof-code" tags=["subslide", "needs-torch"]
for name, w in [("U", A), ("REINFORCE", to_go)]:
    known = objectives.advantage_objective(Z, act, w)
    agree(name, U(z, a, torch.tensor(w)), [z], known.value, known.grad_logits)
wanted = by_gae.total, by_gae.grad_logits, by_gae.grad_values[:, :-1]
agree("A2C", a2c(z, a, torch.tensor(A), torch.tensor(G), v), [z, v], *wanted)
known = objectives.ppo_clip_objective(Z, old, act, A)
clipped = ppo(z, a, torch.tensor(A), torch.tensor(old))
agree("PPO", clipped, [z], known.value, known.grad_logits)
known = objectives.kl_penalty(Z, REF)
agree("KL", kl(z, ref), [z], known.value, known.grad_logits)
known = objectives.bradley_terry_loss(r[0], r[1])
pair = [torch.tensor(x, requires_grad=True) for x in r[:2]]
wanted = known.value, known.grad_chosen, known.grad_rejected
agree("Bradley–Terry", bradley_terry(*pair), pair, *wanted)

# %% [markdown] label="proof-read" tags=["fragment"]
# Values and gradients agree. Keep the habit: **a loss in PyTorch is tested against a gradient from elsewhere**, on
# numbers small enough to print.
#
# > ### Convention card
# >
# > | question | in this lesson | elsewhere |
# > |---|---|---|
# > | sum or mean over steps? | sum | most libraries: a mean over the tokens of a batch |
# > | objective or loss? | U and PPO go up; `backward()` is called on their negative | the same |
# > | how many bits has a number? | 64, so that equal means equal | 32, and 16 in the large parts |
# > | which policy sampled? | `old` are its log-probabilities, constants | the same |

# %% [markdown] label="bugs" tags=["slide"] minutes=4
# ## Nine bugs
#
# Each function below runs, returns numbers of the right shape and trains something. Each has one fault, of a kind that
# large code bases have had. You are told the symptom. **Find the line, mend it in place, and run the check below it**: it
# names what it finds, and says whether your line is the right one.
#
# ### Bug 1 · The critic is always too high
#
# Losses fall, the policy learns a little, and every V ends above the mean return.


# %% label="bug-1" tags=["fragment"]
def actor_critic_loss(log_probs, values, returns):
    """Return -U + 1/2 of the critic's loss; all arguments have shape (m, T)."""
    # BEGIN SOLUTION
    #: A = returns - values
    A = (returns - values).detach()
    # END SOLUTION
    actor = -(log_probs * A).sum(-1).mean()
    critic = 0.5 * (returns - values) ** 2
    return actor + 0.5 * critic.sum(-1).mean()


# %% label="bug-1-check" tags=["skip", "answer"]
check("actor_critic_loss", actor_critic_loss)

# %% [markdown] label="bug-2-text" tags=["slide"] minutes=4
# ### Bug 2 · It says everything twice
#
# A language model reads $T$ tokens and returns $T$ rows of logits. After some training it repeats each word.


# %% label="bug-2" tags=["fragment"]
def token_log_probs(logits, tokens):
    """Return log π of each token after the first: (m, T, n), (m, T) -> (m, T - 1)."""
    # BEGIN SOLUTION
    #: log_pi = logits[:, 1:].log_softmax(-1)
    log_pi = logits[:, :-1].log_softmax(-1)
    # END SOLUTION
    return log_pi.gather(-1, tokens[:, 1:, None])[..., 0]


# %% label="bug-2-check" tags=["skip", "answer"]
check("token_log_probs", token_log_probs)

# %% [markdown] label="bug-3-text" tags=["slide"] minutes=4
# ### Bug 3 · Half the memory
#
# Somebody saved memory in the same function: `bfloat16` is a number of 16 bits, with eight binary digits where float32
# has 24. The loss looks nearly the same. But the KL to the same model, computed without this function, is not 0.


# %% label="bug-3" tags=["fragment"]
def lean_log_probs(logits, tokens):
    """Return what token_log_probs does."""
    # BEGIN SOLUTION
    #: forecasts = logits[:, :-1].to(torch.bfloat16)
    forecasts = logits[:, :-1]
    # END SOLUTION
    log_pi = forecasts.double().log_softmax(-1)
    return log_pi.gather(-1, tokens[:, 1:, None])[..., 0]


# %% label="bug-3-check" tags=["skip", "answer"]
check("token_log_probs", lean_log_probs)

# %% [markdown] label="bug-4-text" tags=["slide"] minutes=4
# ### Bug 4 · Short replies learn nonsense
#
# Replies of a batch have different lengths, so the short rows are filled up (*padding*). Long replies get better. Short
# ones do not.


# %% label="bug-4" tags=["fragment"]
def ppo_token_loss(log_probs, old_log_probs, advantages, mask):
    """Return PPO's loss; mask is 1 for a token of a reply and 0 behind its end."""
    ratio = (log_probs - old_log_probs).exp()
    terms = torch.minimum(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages)
    # BEGIN SOLUTION
    #: return -terms.sum(-1).mean()
    return -(terms * mask).sum(-1).mean()
    # END SOLUTION


# %% label="bug-4-check" tags=["skip", "answer"]
check("ppo_token_loss", ppo_token_loss)

# %% [markdown] label="bug-5-text" tags=["slide"] minutes=4
# ### Bug 5 · The same direction, a shorter step
#
# With plain gradient steps a colleague's PPO needs many times your learning rate, and with longer replies still more.
# Make it follow the convention of this course.


# %% label="bug-5" tags=["fragment"]
def colleagues_loss(log_probs, old_log_probs, advantages, mask):
    """Return what ppo_token_loss does."""
    ratio = (log_probs - old_log_probs).exp()
    terms = torch.minimum(ratio * advantages, ratio.clamp(0.8, 1.2) * advantages)
    # BEGIN SOLUTION
    #: return -(terms * mask).sum() / mask.sum()
    return -(terms * mask).sum() / len(mask)
    # END SOLUTION


# %% label="bug-5-check" tags=["skip", "answer"]
check("ppo_token_loss", colleagues_loss)

# %% [markdown] label="bug-6-text" tags=["slide"] minutes=4
# ### Bug 6 · Nobody learns to stop
#
# The padding is the end token, as in many libraries. The mask keeps the padding out of the loss. Replies that stop too
# early, or too late, go on doing so, whatever the reward says of it.


# %% label="bug-6" tags=["fragment"]
def reply_mask(tokens, end):
    """Return 1 for tokens that are trained and 0 for others, shape (m, T)."""
    is_end = tokens == end
    ends = is_end.cumsum(-1)  # how many so far, this one included
    # BEGIN SOLUTION
    #: return (ends == 0).double()
    return (ends - is_end.long() == 0).double()
    # END SOLUTION


# %% label="bug-6-check" tags=["skip", "answer"]
check("reply_mask", reply_mask)

# %% [markdown] label="ratio" tags=["slide"] minutes=3
# ### Before the first step the ratio is 1
#
# The last three bugs are not in one formula. They sit between two computations of one number: the sampler's
# $\log\pi_{\mathrm{old}}$ and the trainer's $\log\pi_\theta$. Before the first step the parameters are the same, so
# **the ratio must be 1**. If it is not, the clip takes gradients away for a difference that nobody has learned.

# %% [markdown] label="ratio-words" tags=["subslide"]
# `Reader`, the policy, is a small network: for each place of a prompt it returns the logits of the next token. A table
# (`Embedding`) has a row of numbers for each token. A `GRU` reads these rows from left to right and keeps a memory, and
# `Linear` makes logits of it. `Dropout` sets each number of the memory to 0 with probability ½ while training (`.train()`),
# and does nothing afterwards (`.eval()`). `forward` is what runs when you call the network.
#
# `why_not_one` asks three questions, each a way to compute the same numbers twice.


# %% label="ratio-reader" tags=["subslide", "needs-torch"]
class Reader(torch.nn.Module):
    def __init__(self, n=6, d=8):
        super().__init__()
        self.words, self.dropout = torch.nn.Embedding(n, d), torch.nn.Dropout(0.5)
        self.memory, self.out = torch.nn.GRU(d, d, batch_first=True), Linear(d, n)

    def forward(self, tokens):
        return self.out(self.dropout(self.memory(self.words(tokens))[0]))


def padded(prompts):  # one array, filled up on the right, and where each prompt ends
    width = max(map(len, prompts))
    rows = [prompt + [0] * (width - len(prompt)) for prompt in prompts]
    return torch.tensor(rows), torch.tensor([len(prompt) - 1 for prompt in prompts])


# %% label="ratio-code" tags=["subslide", "needs-torch"]
def why_not_one(trainer, prompts, old):  # trainer(prompts) is log π
    new, again = trainer(prompts), trainer(prompts)
    if getattr(new, "shape", None) != old.shape:
        return f"Wanted are the logarithms of {len(prompts)} prompts, shape {tuple(old.shape)}."
    alone = torch.cat([trainer([prompt]) for prompt in prompts])
    if not torch.equal(new, again):
        return "Two calls differ: something in the model is random. Dropout?"
    if not torch.allclose(new, alone, atol=1e-9):
        return "A prompt alone gives other numbers than in the batch: padding is read."
    if not torch.allclose(new, old, atol=1e-9):
        return "Sampler and trainer compute the same thing differently."
    return "The ratio is 1."


reader = transformer.seeded(Reader(), np.random.default_rng(7)).eval().requires_grad_(False)
prompts = [[1, 4, 2], [3, 5], [2, 2, 1, 5, 4]]
old = torch.cat([reader(torch.tensor([one]))[:, -1].log_softmax(-1) for one in prompts])

# %% [markdown] label="bug-7-text" tags=["slide"] minutes=4
# ### Bugs 7, 8 and 9
#
# In 7 and 9 the sampler's numbers, `old`, are right and the trainer is not. In 8 it is the other way round. Mend each
# until the ratio is 1.


# %% label="bug-7" tags=["fragment"]
def log_pi_7(prompts):
    tokens, last = padded(prompts)
    # BEGIN SOLUTION
    #: reader.train()  # a new model is in this mode
    reader.eval()
    # END SOLUTION
    logits = reader(tokens)[torch.arange(len(tokens)), last]
    return logits.log_softmax(-1)


# %% label="bug-7-check" tags=["skip", "answer", "needs-torch"]
print(why_not_one(log_pi_7, prompts, old))


# %% label="bug-8" tags=["fragment"]
def trained_log_pi(prompts):
    tokens, last = padded(prompts)
    return reader.eval()(tokens)[torch.arange(len(tokens)), last].log_softmax(-1)


def engine_log_pi(prompts):
    """Return log π as an engine for fast sampling has it, which keeps 16 bits."""
    return trained_log_pi(prompts).to(torch.bfloat16).double()


def old_log_pi(prompts):
    """Return what the ratio is divided by."""
    # BEGIN SOLUTION
    #: return engine_log_pi(prompts)  # it has them anyway
    return trained_log_pi(prompts)
    # END SOLUTION


# %% label="bug-8-check" tags=["skip", "answer", "needs-torch"]
print(why_not_one(trained_log_pi, prompts, old_log_pi(prompts)))


# %% label="bug-9" tags=["fragment"]
def log_pi_9(prompts):
    tokens, last = padded(prompts)
    # BEGIN SOLUTION
    #: logits = reader.eval()(tokens)[:, -1]  # the last place
    logits = reader.eval()(tokens)[torch.arange(len(tokens)), last]
    # END SOLUTION
    return logits.log_softmax(-1)


# %% label="bug-9-check" tags=["skip", "answer", "needs-torch"]
print(why_not_one(log_pi_9, prompts, old))

# %% [markdown] label="bfloat16" tags=["slide"] minutes=4
# In bug 8 the engine is not at fault: fast ones *are* less exact. So the trainer computes the old log-probabilities once more,
# which costs one more pass through the network. How far off are the engine's? Take a model of 54 words, with logits
# around 24, as a large model may have them, and an engine that rounds these to bfloat16.

# %% label="predict-rounded" tags=["fragment"]
Predict("14-rounded")

# %% label="bfloat16-code" answers="rounded" tags=["subslide", "needs-torch"]
draws = np.random.default_rng(14)
logits = torch.tensor(draws.normal(24, 3, (10_000, 54)))
words = torch.tensor(policy.sample(logits.numpy(), draws))[:, None]
exact = logits.log_softmax(-1).gather(-1, words)
rounded = logits.to(torch.bfloat16).double().log_softmax(-1).gather(-1, words)
off = abs((exact - rounded).exp() - 1).numpy()
print("|ratio - 1| of 10,000 tokens, before the first step:")
print(f"median {np.median(off):.3f}   largest {off.max():.2f}")

# %% [markdown] label="bfloat16-read" answers="rounded" tags=["fragment"]
# Two per cent for a usual token, with no step taken. The ratio of a whole reply is a product: over 500 tokens such
# errors add up in its logarithm, and it can be far from 1. (GSPO, in lesson 13, takes the 500th root of it.) With the
# trainer's own old log-probabilities the clip measures learning alone. But the words were drawn by the engine: by the
# second ratio, trainer over engine, TRL weighs them, bounded. Its extremes are logged as
# `sampling/importance_sampling_ratio/min` and `…/max`. (Its mean is near 1 whatever happens: lesson 10.)

# %% [markdown] label="net" tags=["slide"] minutes=5
# ## A network for policy and critic
#
# Lesson 09's actor-critic had a table. Here a network reads the *coordinates* of a cell of the grid world, column and row
# from −1 to 1, and returns five numbers: four logits and V, which `split` takes apart. `Linear(2, 16)` is a matrix and a
# constant: 16 numbers from two. `Tanh` bends each of them. All cells share the network's 133 parameters, and Adam, known
# from lesson 09, moves them with the step size `lr`. Episodes and GAE still come from `course_utils`: they need no
# gradient, and what needs none need not be a tensor. `J` is exact, from the same logits.


# %% label="net-code" tags=["subslide", "needs-torch"]
grid, rng = worlds.grid_world(), np.random.default_rng(14)
cells = torch.tensor([("abcd".index(x) / 1.5 - 1, int(y) - 2.0) for x, y in grid.state_names])
net = torch.nn.Sequential(Linear(2, 16), torch.nn.Tanh(), Linear(16, 5))
adam = torch.optim.Adam(transformer.seeded(net, rng).parameters(), lr=0.03)
for update in range(101):
    table = net(cells).detach().numpy()
    record = rollout.from_mdp(grid, table[:, :4], 32, rng, max_steps=30)
    A = returns.gae(record.rewards, record.discounts, table[record.states, 4], 0.95)
    s, a, A, mask = map(torch.tensor, (record.states[:, :-1], record.actions, A, record.mask))
    z, V = net(cells)[s].split([4, 1], dim=-1)
    G = A + V[..., 0].detach()
    loss = -log_prob(z, a) * A + 0.5 * 0.5 * (G - V[..., 0]) ** 2
    adam.zero_grad()
    (loss * mask).sum(-1).mean().backward()
    adam.step()
    if update % 25 == 0:
        sampled = (record.rewards * 0.9 ** np.arange(len(record.rewards[0]))).sum(-1)
        print(f"update {update:3d}   exact J {grid.performance(table[:, :4]):6.2f}", end="")
        print(f"   its 32 episodes {sampled.mean():6.2f}")

# %% [markdown] label="net-read" tags=["fragment"]
# The best policy is worth 2.39, and the network comes near it. Look for the bugs in the loop: A is made of NumPy
# arrays, so it is detached; the mask stands before the sum; the sum runs over steps and the mean over episodes; the
# step of the optimiser follows `zero_grad` and `backward`.

# %% [markdown] label="transformer" tags=["slide"] minutes=5
# ## RLHF with a transformer
#
# Lesson 11's language model was linear in features chosen by hand: the last two words, and which words were used. Now
# a **transformer** of two layers, which is given none of that. Same prompts, same vocabulary, same reward model.
#
# The prompt, its topic and mood, is one vector and stands in the first place; place $t$ forecasts word $t$. In each
# layer every place mixes what it and the places before it hold, with weights that it computes (*attention*), and then
# changes the mixture by a small network. Below is what runs: a layer, the model, its log-probabilities, from
# `course_utils/rlhf/transformer.py`. Every place, `h`, holds $d=16$ numbers; `before`, `between` and `norm` bring them to
# mean 0 and variance 1.

# %% label="transformer-code" tags=["subslide", "needs-torch"]
parts = transformer.Layer.forward, transformer.Writer.forward, transformer.log_policy
layer, writer, log_pi = map(inspect.getsource, parts)
Markdown(f"```python\nclass Layer:\n{layer}\n\nclass Writer:\n{writer}\n\n{log_pi}```")

# %% [markdown] label="transformer-read" tags=["fragment"]
# The critic is one linear layer on `h.detach()`, so its loss cannot move the policy. There is no shift to get wrong:
# the prompt in front has done it.
#
# First supervised fine-tuning, on 3,000 replies of the demonstrators. It is the loop of the network above with another
# loss, −log π.

# %% label="sft-code" tags=["subslide", "needs-torch"]
desk = world.load()
sft = transformer.fine_tune(desk, np.random.default_rng(14))
print(f"{sum(p.numel() for p in sft.parameters()):,} parameters write:")
said = transformer.sample(sft, np.array([0, 9, 17]), np.random.default_rng(0))
print(*desk.text(said), sep="\n")

# %% [markdown] label="update" tags=["slide"] minutes=7
# One update, in lesson 11's order: write, score, pay for the distance, GAE, four steps on PPO's objective. As in lesson 11
# the objective is a mean over all tokens of the batch; Adam does not mind the factor. `no_grad` computes without a graph,
# and `clip_grad_norm_` shortens a gradient that is longer than 1.
#
# Look for each of the nine bugs. None should be there.

# %% label="predict-begins" tags=["fragment"]
Predict("14-begins")


# %% label="write-code" tags=["subslide", "needs-torch"]
def write(model, reference, scorer, rng, beta=0.3):  # 64 replies, each word with its w and G
    replies = transformer.sample(model, world.sample_prompts(desk, 64, rng), rng)
    mask, last = torch.tensor(replies.mask), (np.arange(64), replies.lengths - 1)
    with torch.no_grad():
        old, V, log_pi = transformer.log_policy(model, replies)
        log_ref = transformer.log_policy(reference, replies)[0]
    k1 = ((old - log_ref) * mask).numpy()
    scores = reward_model.reward_score(scorer, desk, replies)
    r = -beta * k1
    r[last] += scores
    goes_on = 1.0 * (np.arange(r.shape[1]) < replies.lengths[:, None] - 1)
    V = np.pad((V * mask).numpy(), ((0, 0), (0, 1)))
    A = returns.gae(r, goes_on, V, 0.95)
    w, G = (torch.tensor(x)[mask] for x in (returns.whiten(A, replies.mask), A + V[:, :-1]))
    row = {"objective/scores": scores.mean(), "objective/kl": k1.sum(1).mean()}
    row["policy/entropy_avg"] = -(log_pi.exp() * log_pi).sum(-1)[mask].mean().item()
    row["ours/gold"] = world.gold_reward(desk, replies).total.mean()
    row["ours/reply_length"] = replies.lengths.mean()
    return replies, mask, old, w, G, row


# %% label="update-code" tags=["subslide", "needs-torch"]
def update(model, reference, scorer, adam, rng):  # returns a row of the log
    replies, mask, old, w, G, row = write(model, reference, scorer, rng)
    log_ratios = []
    for _ in range(4):
        new, V, _ = transformer.log_policy(model, replies)
        log_ratios.append((new - old)[mask])
        ratio = log_ratios[-1].exp()
        objective = torch.minimum(ratio * w, ratio.clamp(0.8, 1.2) * w).mean()
        critic = 0.5 * ((V[mask] - G) ** 2).mean()
        adam.zero_grad()
        (critic - objective).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
    row["policy/approxkl_avg"] = 0.5 * (torch.cat(log_ratios) ** 2).mean().item()
    row["first"] = log_ratios[0].abs().max().item()
    return row


# %% [markdown] label="run" tags=["slide"] minutes=5
# A hundred updates, some ten seconds. Beside it lesson 11's log-linear model: the same prompts, β and reward model.

# %% label="run-code" answers="begins" tags=["subslide", "needs-torch", "nbval-ignore-output"]
linear, rng = run.run(config.RunConfig(), 12, progress=False), np.random.default_rng(14)
model, scorer = copy.deepcopy(sft), linear.start.reward_model
adam = torch.optim.Adam(model.parameters(), lr=0.001)
log = [update(model, sft, scorer, adam, rng) for _ in range(100)]
print("the ratio before each first step is 1:", max(row["first"] for row in log) < 1e-9)
ends = 5, 10, 20, 50, 100
print(f"{'means of five updates, up to':33s}", *(f"{u:6d}" for u in ends))
for name in list(log[0])[:-1]:
    for who in ("transformer", "log-linear"):
        x = linear[name] if who == "log-linear" else np.array([row[name] for row in log])
        means = (f"{x[u - 5 : u].mean():z6.{2 + ('approx' in name)}f}" for u in ends)
        print(f"{name:22s}{who:11s}", *means)

# %% [markdown] label="run-read" answers="begins" tags=["fragment"]
# Two models, one story: score and gold go up, the KL settles, entropy falls, the length stands nearly still, and no step
# is large. The transformer is slower, with a step size that keeps `policy/approxkl_avg` small. (From about the thirtieth
# update on its second digits depend on your processor: where a sum was rounded otherwise, another word was sampled.) **You
# read the log in the same way, whichever model is behind it.** That is why lesson 12 could teach it on a small one.

# %% [markdown] label="trl" tags=["slide"] minutes=8
# ## A log as a library writes it
#
# TRL's trainers store what they logged in a file `trainer_state.json`, in a list named `log_history`. The one below has
# that form and the names of TRL's GRPO, but **it is ours**: this lesson's transformer, trained by a GRPO of our own
# (100 steps with 8 replies to each of 8 prompts, and a row for every fifth step). The reward model is lesson 11's;
# advantages, loss, clip and β are TRL's defaults, as in lesson 13's table. So `beta` is 0.0.

# %% label="trl-code" tags=["subslide"]
text = (DATA / "trainer_log/trainer_state.json").read_text("utf-8")
history = json.loads(text)["log_history"]
shown = (0, 1, 3, 5, 7, 11, 15, 19)
names = ["step", "reward", "reward_std", "frac_reward_zero_std", "entropy", "grad_norm"]
names += ["completions/mean_length", "completions/clipped_ratio", "clip_ratio/region_mean"]
for name in names:
    print(f"{name:26s}", *(f"{history[i][name]:z6.{int(name != 'step')}f}" for i in shown))

# %% [markdown] label="trl-read" tags=["fragment"]
# Read it as in lesson 12, link by link. **(a)** The reward model: `reward` rises, faster towards the end, and groups keep
# their spread. **(b)** The update: `grad_norm` makes no jump, `entropy` even grows, and no ratio is clipped: with one step
# for each batch it is always 1. **(c)** The KL term: there is no line. With `beta=0.0` TRL computes no KL, so the log has no `kl`, and no reference model
# was loaded.
#
# What would people say of the replies?

# %% label="predict-people" tags=["fragment"]
Predict("14-people")

# %% label="debrief-code" answers="people" tags=["subslide"]
debrief = json.loads((DATA / "trainer_log/debrief.json").read_text("utf-8"))
print("what the log does not have, in the same steps:")
for name in ("gold", "kl"):
    print(f"{name:26s}", *(f"{debrief[name][i]:6.1f}" for i in shown))
print(*debrief["last_replies"], sep="\n")

# %% [markdown] label="debrief-read" answers="people" tags=["fragment"]
# For thirty steps people would have agreed with the reward model. Then the policy left the place where its pairs came
# from, and what remains is word salad, cut at the limit. In the log `completions/mean_length` and
# `completions/clipped_ratio` gave it away, though late, and an entropy that *grows* is no sign of health. The line that
# would have told in time was never computed. **First look for what a log does not have**; then ask for fresh replies.
#
# | you see in TRL's log | lesson |
# |---|---|
# | `reward` up, `completions/clipped_ratio` up | 12, D10: the score is being exploited |
# | `frac_reward_zero_std` near 1 | 13: groups without a signal |
# | `entropy` to 0 early | 09, 12: nothing is tried any more |
# | `sampling/importance_sampling_ratio/min` or `…/max` far from 1 | this one: sampler and trainer disagree |
# | `objective/kl` (PPO) below 0 for long | 10: the replies are not samples of the policy whose KL it is |

# %% [markdown] label="where-to-go" tags=["slide"] minutes=2
# ## Where to go next
#
# | what | good for |
# |---|---|
# | [Spinning Up](https://spinningup.openai.com) | the same formulas with neural networks on control tasks, with clear notes; the code is from 2018 and no longer maintained |
# | [CleanRL](https://github.com/vwxyzjn/cleanrl) | one file for each algorithm: to read PPO from top to bottom with all its details |
# | [TRL](https://github.com/huggingface/trl) | SFT, reward models, DPO, GRPO on models of Hugging Face |
# | [verl](https://github.com/volcengine/verl) | policy gradients on many machines, with separate engines for sampling and training |
# | [CS285](https://rail.eecs.berkeley.edu/deeprlcourse/) | lectures and homework in PyTorch on all of deep reinforcement learning, models and exploration included |

# %% [markdown] label="quiz-text" tags=["slide"] minutes=5
# ## Quiz

# %% label="quiz" tags=["fragment"]
Quiz("14")

# %% [markdown] label="recap" tags=["slide"] minutes=1
# ## Recap
#
# 1. A library differentiates what you write down. Test its gradient against one from elsewhere, in float64.
# 2. `detach` what is a constant: A in the actor's loss, the target of the critic, old log-probabilities.
# 3. Shift, mask, sum or mean, end token: one wrong line runs, and trains something else.
# 4. Before the first step the ratio is 1. If not: dropout, padding, or two engines.
# 5. A log is read in the same way behind any network. Look first for the line that is not there.

# %% [markdown] label="next" tags=["skip"]
# This was the last lesson. The [final test](final_test.ipynb) asks about all the others.
#
# *Sources.* The PyTorch documentation: [autograd](https://pytorch.org/docs/stable/notes/autograd.html). S. Huang and
# others, [*The 37 implementation details of
# PPO*](https://iclr-blog-track.github.io/2022/03/25/ppo-implementation-details/) (2022) and [*The N+ implementation
# details of RLHF with PPO*](https://arxiv.org/abs/2403.17031) (2024). A. Vaswani and others, [*Attention is all you
# need*](https://arxiv.org/abs/1706.03762) (2017). J. Foerster and others,
# [*DiCE*](https://arxiv.org/abs/1802.05098) (2018). Hugging Face, [*Fixing gradient
# accumulation*](https://huggingface.co/blog/gradient_accumulation) (2024). TRL's [logged
# metrics](https://huggingface.co/docs/trl/logging).

# %% [markdown] label="deeper" tags=["skip"]
# ## Going deeper
#
# ### A loss whose value means nothing
#
# Autodiff cannot differentiate “draw an action”. So U is a **surrogate**: a formula that is built to have the right
# *gradient*, the score times A, once the actions are drawn. Nothing promises anything of its value. One softmax, three
# rewards, the expectation over actions exact; then 10 points more for each action.

# %% label="deeper-surrogate" tags=["skip", "needs-torch"]
z, R = torch.tensor([1.0, 0.0, -1.0], requires_grad=True), torch.tensor([0.0, 1.0, 3.0])


def J(z, b=0.0):  # what is to grow
    return (z.softmax(-1) * (R + b)).sum()


def expected_U(z, b=0.0):  # over actions of the policy that sampled: a constant
    return (z.softmax(-1).detach() * z.log_softmax(-1) * (R + b)).sum()


for name, f, b in [("J", J, 0.0), ("U", expected_U, 0.0), ("U, 10 more", expected_U, 10.0)]:
    value = f(z, b)
    print(f"{name:11s} value {value.item():6.3f}", end="   gradient ")
    print(torch.autograd.grad(value, z)[0].numpy().round(3))

# %% [markdown] label="deeper-surrogate-read" tags=["skip"]
# Three values, one gradient. So a curve of this loss shows nothing: it moves with the level of the rewards and with the
# entropy. Plot returns, and read the loss only in a test.
#
# ### Once is enough, and twice is wrong
#
# A surrogate is right for one derivative. A second one, as Newton's method or a learned learning rate asks for, is
# another matter. PPO's ratio $\rho=\exp(\log\pi-\log\pi_{\mathrm{old}})$ is 1 here, and it is the exact weight that
# turns draws from the old policy into those of the new: its derivatives of *every* order are right.


# %% label="deeper-second" tags=["skip", "needs-torch"]
def by_ratio(z):
    log_pi = z.log_softmax(-1)
    ratio = (log_pi - log_pi.detach()).exp()
    return (log_pi.detach().exp() * ratio * R).sum()


for name, f in [("J", J), ("U", expected_U), ("ratio", by_ratio)]:
    second = torch.autograd.functional.hessian(f, z)
    print(f"{name:6s} second derivatives by z(1):", second[0].numpy().round(3))

# %% [markdown] label="deeper-second-read" tags=["skip"]
# U's have the wrong size and the wrong sign. (Foerster and others build their estimator DiCE of this ratio.)
#
# ### What runs backwards
#
# `log_softmax` takes the gradient $g$ that arrives and sends on $g-\pi\sum g$. `gather` puts what arrives into the places
# that it read and 0 into all others. One after the other, backwards, they make the one-hot vector less π: lesson 02's
# score. `torch.distributions.Categorical` does nothing else.

# %% label="deeper-backwards" tags=["skip", "needs-torch"]
log_pi = z.log_softmax(-1)
log_pi.retain_grad()  # keep what arrives here
log_pi.gather(-1, torch.tensor([2])).sum().backward(inputs=[log_pi, z])
print("gather sends", log_pi.grad.numpy(), "  log_softmax sends", z.grad.numpy().round(3))
chosen = torch.distributions.Categorical(logits=z)
(g,) = torch.autograd.grad(chosen.log_prob(torch.tensor(2)), z)
print("the same by Categorical:", bool(np.allclose(g, policy.score(z.detach().numpy(), 2))))
print(
    "a draw has a past:",
    chosen.sample().requires_grad,
    "  it can have one:",
    chosen.has_rsample,
)

# %% [markdown] label="deeper-backwards-read" tags=["skip"]
# A draw has no past, so no gradient of a reward runs through it. A Gaussian policy *could* have one, by `rsample`, which
# writes the draw as mean + σ · noise; of actions to choose from there is none, and that is why the score is needed.
#
# ### A mean of means
#
# A batch that does not fit into memory is taken in parts (*micro-batches*): `backward()` adds up, and one step follows.
# With a mean over tokens it matters what each part divides by. Replies of 2, 4, 6 and 8 tokens, in parts of two:

# %% label="deeper-micro" tags=["skip", "needs-torch"]
mask = (torch.arange(8) < torch.tensor([2, 4, 6, 8])[:, None]).double()
terms = torch.tensor(np.random.default_rng(14).normal(size=(4, 8)), requires_grad=True)


def gradient(*losses):
    terms.grad = None
    for loss in losses:
        loss.backward()  # adds to what is there
    return terms.grad


two = slice(0, 2), slice(2, 4)
whole = gradient((terms * mask).sum() / mask.sum())
means = gradient(*((terms[k] * mask[k]).sum() / mask[k].sum() / 2 for k in two))
right = gradient(*((terms[k] * mask[k]).sum() / mask.sum() for k in two))
print("what a token weighs, for one of the whole batch:")
print(f"mean of means      short replies {means[0, 0] / whole[0, 0]:.2f}, long ones", end=" ")
print(f"{means[3, 0] / whole[3, 0]:.2f}")
print("divided by all tokens, the same gradient:", torch.equal(whole, right))

# %% [markdown] label="deeper-micro-read" tags=["skip"]
# In a part of short replies each token counts 2.3 times as much as in a part of long ones, and nothing warns. Count the
# tokens of the whole batch *first*. Hugging Face's trainer took the mean of means until October 2024. With this course's
# convention, a sum over tokens and a mean over replies, equal parts cannot go wrong.
#
# ### The other side
#
# Bug 9 can be mended in another way: fill up on the *left*, and the last place is the end of each prompt. Libraries do so
# to generate. But then the network reads the padding first:


# %% label="deeper-left" tags=["skip", "needs-torch"]
def log_pi_left(prompts):
    width = max(map(len, prompts))
    rows = [[0] * (width - len(prompt)) + prompt for prompt in prompts]
    return reader.eval()(torch.tensor(rows))[:, -1].log_softmax(-1)


print(why_not_one(log_pi_left, prompts, old))
off = (log_pi_left(prompts) - old).exp() - 1
print("largest |ratio - 1| of each prompt:", *(f"{x:.2f}" for x in abs(off).amax(-1)))

# %% [markdown] label="deeper-left-read" tags=["skip"]
# Only the longest prompt, without padding, is right. A transformer is told by an attention mask what is padding, and by
# position numbers where the prompt begins; a `GRU` has no such mask. So the side is a convention of the *model*, and the
# ratio before the first step tests it.
