"""Build it yourself: from a rollout to the update of RLHF, in one file.

Each stage is checked in `build.ipynb`, and stands on the ones before it. Its functions begin
with a docstring that says what comes in and what goes out; replace the `...` below it. NumPy is
all that you need.

The same names mean the same things throughout:

    theta       the policy's parameters, shape (d, A): the logits of π are `states @ theta`
    w           the critic's parameters, shape (d,): its values V are `states @ w`
    record      what was seen, a dictionary of arrays with one entry for each of N steps,
                episode after episode:
                "states" (N, d), "actions" (N,), "rewards" (N,), "next_states" (N, d),
                "terminated" (N,): whether the step led to a terminal state, after which
                nothing is earned,
                "ended" (N,): whether it was the last step of its episode, terminated or cut off
    discount    γ, between 0 and 1
    rng         a numpy.random.Generator: all that is drawn is drawn from it
"""

import numpy as np

# --- Stage 1: rollout -------------------------------------------------------------------------


def log_probabilities(theta, states):
    """Return log π(a | s) of every action in every state, shape (N, A).

    states has shape (N, d); of a single state, of shape (d,), `state[None]` makes an array of
    one.
    """
    logits = states @ theta
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def rollout(env, theta, episodes, rng):
    """Play whole episodes with the policy; return the record of all their steps.

    `env.reset(seed=…)` begins an episode and returns (state, info). Give it a new seed each
    time, such as `int(rng.integers(2**31))`. `env.step(action)` returns (next state, reward,
    terminated, truncated, info); a state is an array of shape (d,), an action a whole number.
    An episode is over when it is terminated or truncated (cut off).
    """
    names = ("states", "actions", "rewards", "next_states", "terminated", "ended")
    steps = []
    for _ in range(episodes):
        state, _ = env.reset(seed=int(rng.integers(2**31)))
        over = False
        while not over:
            chances = np.exp(log_probabilities(theta, state[None])[0]).cumsum()
            action = int((chances <= chances[-1] * rng.random()).sum())
            next_state, reward, terminated, truncated, _ = env.step(action)
            over = terminated or truncated
            steps.append((state, action, reward, next_state, terminated, over))
            state = next_state
    return {
        name: np.array(column)
        for name, column in zip(names, zip(*steps, strict=True), strict=True)
    }


# --- Stage 2: return and reward-to-go ---------------------------------------------------------


def episode_returns(rewards, ended):
    """Return the sum of rewards of each episode, not discounted, shape (episodes,)."""
    last = np.flatnonzero(ended)
    return np.diff(rewards.cumsum()[last], prepend=0.0)


def reward_to_go(rewards, ended, discount):
    """Return the discounted reward-to-go of each step, shape (N,).

    G_t = r_t + γ r_{t+1} + γ² r_{t+2} + …, to the end of the step's own episode.
    """
    returns, after = np.zeros(len(rewards)), 0.0
    for t in reversed(range(len(rewards))):
        if ended[t]:
            after = 0.0
        after = rewards[t] + discount * after
        returns[t] = after
    return returns


# --- Stage 3: REINFORCE -----------------------------------------------------------------------


def reinforce(theta, record, discount):
    """Return the estimate of ∂J/∂θ, shape (d, A).

    It is the score times the reward-to-go, summed over steps, averaged over episodes.
    """
    states, actions, episodes = record["states"], record["actions"], record["ended"].sum()
    scores = np.eye(theta.shape[1])[actions] - np.exp(log_probabilities(theta, states))
    returns = reward_to_go(record["rewards"], record["ended"], discount)
    return states.T @ (returns[:, None] * scores) / episodes


def train_reinforce(env, theta, updates, episodes, step_size, discount, rng):
    """Do so many updates, each with new episodes, and return the last θ.

    An update is a rollout, then a step uphill. Leave the θ that came in as it is:
    `theta = theta + …` makes a new array, `theta += …` writes into the caller's.
    """
    for _ in range(updates):
        record = rollout(env, theta, episodes, rng)
        theta = theta + step_size * reinforce(theta, record, discount)
    return theta


# --- Stage 4: a baseline ----------------------------------------------------------------------


def reinforce_with_baseline(theta, w, record, discount):
    """Return (gradient for the policy, gradient for the critic), shapes (d, A) and (d,).

    The first as in `reinforce`, with the value V(s_t) = states @ w subtracted from each
    reward-to-go. The second is the gradient in w of the critic's loss ½ (V(s_t) − G_t)²,
    averaged over all steps: whoever uses it steps *down* it.
    """
    states, actions, episodes = record["states"], record["actions"], record["ended"].sum()
    scores = np.eye(theta.shape[1])[actions] - np.exp(log_probabilities(theta, states))
    returns = reward_to_go(record["rewards"], record["ended"], discount)
    values = states @ w
    advantages = returns - values
    actor = states.T @ (advantages[:, None] * scores) / episodes
    critic = states.T @ (values - returns) / len(returns)
    return actor, critic


# --- Stage 5: A2C with GAE --------------------------------------------------------------------


def gae(rewards, values, next_values, terminated, ended, discount, lambda_):
    """Return the generalised advantage estimates A_t = δ_t + γ λ A_{t+1}, shape (N,).

    δ_t = r_t + γ V(s_{t+1}) − V(s_t). values are V(s_t), next_values V(s_{t+1}); after a
    terminal state nothing is earned, so its value does not count, and no estimate reaches from
    one episode into the next.
    """
    deltas = rewards + discount * next_values * ~terminated - values
    advantages, after = np.zeros(len(rewards)), 0.0
    for t in reversed(range(len(rewards))):
        if ended[t]:
            after = 0.0
        after = deltas[t] + discount * lambda_ * after
        advantages[t] = after
    return advantages


def a2c(theta, w, record, discount, lambda_, entropy_weight):
    """Return (gradient for the policy, gradient for the critic), shapes (d, A) and (d,).

    As in `reinforce_with_baseline`, with two changes. The advantages are those of `gae`, and
    the critic's target is A_t + V(s_t), a constant. The policy's gradient also has
    entropy_weight times the gradient of the entropy H(π(· | s_t)), summed over steps, averaged
    over episodes.
    """
    states, actions, episodes = record["states"], record["actions"], record["ended"].sum()
    log_pi = log_probabilities(theta, states)
    pi = np.exp(log_pi)
    scores = np.eye(theta.shape[1])[actions] - pi
    values, next_values = states @ w, record["next_states"] @ w
    advantages = gae(
        record["rewards"],
        values,
        next_values,
        record["terminated"],
        record["ended"],
        discount,
        lambda_,
    )
    entropy = -(pi * log_pi).sum(axis=1, keepdims=True)
    bonus = -entropy_weight * pi * (log_pi + entropy)
    actor = states.T @ (advantages[:, None] * scores + bonus) / episodes
    critic = states.T @ -advantages / len(advantages)
    return actor, critic


def train_a2c(
    env,
    theta,
    w,
    updates,
    episodes,
    step_size,
    critic_step,
    discount,
    lambda_,
    entropy_weight,
    rng,
):
    """Do so many updates, and return (θ, w).

    An update is a rollout, then both gradients, then a step of each: θ up, w down.
    """
    for _ in range(updates):
        record = rollout(env, theta, episodes, rng)
        actor, critic = a2c(theta, w, record, discount, lambda_, entropy_weight)
        theta, w = theta + step_size * actor, w - critic_step * critic
    return theta, w


# --- Stage 6: PPO -----------------------------------------------------------------------------


def ppo_gradient(theta, record, old_log_probs, advantages, epsilon):
    """Return the gradient in θ of PPO's clipped objective, shape (d, A).

    The objective is min(ρ_t A_t, clip(ρ_t, 1 − ε, 1 + ε) A_t), summed over steps, averaged over
    episodes. ρ_t = π_θ(a_t | s_t) / π_old(a_t | s_t); old_log_probs are log π_old(a_t | s_t),
    shape (N,). Where the clipped side is the smaller one, the objective does not change with θ.

    """
    states, actions, episodes = record["states"], record["actions"], record["ended"].sum()
    log_pi = log_probabilities(theta, states)
    scores = np.eye(theta.shape[1])[actions] - np.exp(log_pi)
    ratios = np.exp(log_pi[np.arange(len(actions)), actions] - old_log_probs)
    kept = ratios * advantages <= np.clip(ratios, 1 - epsilon, 1 + epsilon) * advantages
    weights = ratios * advantages * kept
    return states.T @ (weights[:, None] * scores) / episodes


def ppo(theta, w, record, discount, lambda_, epsilon, epochs, step_size, critic_step):
    """Take `epochs` steps on one record; return (θ, w).

    Old log-probabilities, advantages (by `gae`) and the critic's targets A_t + V(s_t) are those
    of the parameters that came in, computed once. Then each epoch steps θ up by step_size times
    `ppo_gradient`, and w down by critic_step times the gradient of ½ (V(s_t) − target)²,
    averaged over steps.
    """
    states, actions = record["states"], record["actions"]
    old_log_probs = log_probabilities(theta, states)[np.arange(len(actions)), actions]
    values, next_values = states @ w, record["next_states"] @ w
    advantages = gae(
        record["rewards"],
        values,
        next_values,
        record["terminated"],
        record["ended"],
        discount,
        lambda_,
    )
    targets = advantages + values
    for _ in range(epochs):
        theta = theta + step_size * ppo_gradient(
            theta, record, old_log_probs, advantages, epsilon
        )
        w = w - critic_step * states.T @ (states @ w - targets) / len(targets)
    return theta, w


# --- Stage 7: the RLHF update -----------------------------------------------------------------


def penalised_rewards(log_probs, reference_log_probs, ended, scores, beta):
    """Return the reward of each token, shape (N,).

    It is −β (log π − log π_ref), and at a reply's last token the reply's score on top.
    log_probs and reference_log_probs are those of the tokens that were chosen, shape (N,);
    scores has one entry for each reply, in the order of the replies.
    """
    rewards = -beta * (log_probs - reference_log_probs)
    rewards[ended] += scores
    return rewards


def rlhf(
    theta, w, reference, record, scores, beta, lambda_, epsilon, epochs, step_size, critic_step
):
    """Do one RLHF update, and return (θ, w).

    The penalised rewards take the place of the record's, then comes `ppo` with γ = 1. A step is
    a token, an episode a reply. reference are the parameters of π_ref, of θ's shape. The record
    itself stays as it is: `{**record, "rewards": …}` is a copy with other rewards.
    """
    states, actions = record["states"], record["actions"]
    chosen = np.arange(len(actions)), actions
    log_probs = log_probabilities(theta, states)[chosen]
    reference_log_probs = log_probabilities(reference, states)[chosen]
    rewards = penalised_rewards(log_probs, reference_log_probs, record["ended"], scores, beta)
    record = {**record, "rewards": rewards}
    return ppo(theta, w, record, 1.0, lambda_, epsilon, epochs, step_size, critic_step)


# --- One more: an action that is any number ---------------------------------------------------


def gaussian_scores(theta, log_sigma, states, actions):
    """Return (∂ log π/∂θ, ∂ log π/∂ log σ) of each step, shapes (N, d) and (N,).

    π(· | s) is the normal distribution with mean μ = states @ theta, θ of shape (d,), and
    standard deviation σ = exp(log_sigma).
    """
    z = (actions - states @ theta) / np.exp(log_sigma)
    return states * (z / np.exp(log_sigma))[:, None], z**2 - 1


def gaussian_reinforce(theta, log_sigma, w, record, discount):
    """Return (gradient for θ, for log σ, for the critic), shapes (d,), () and (d,).

    All is as in `reinforce_with_baseline`, but for the scores.
    """
    states, episodes = record["states"], record["ended"].sum()
    of_mean, of_spread = gaussian_scores(theta, log_sigma, states, record["actions"])
    returns = reward_to_go(record["rewards"], record["ended"], discount)
    values = states @ w
    advantages = returns - values
    critic = states.T @ (values - returns) / len(returns)
    return advantages @ of_mean / episodes, advantages @ of_spread / episodes, critic


def train_gaussian(
    env, theta, log_sigma, w, updates, episodes, step_size, critic_step, discount, rng
):
    """Do so many updates, as in `train_a2c`, and return (θ, log σ, w).

    The actions are drawn from the Gaussian policy:
    `rng.normal(state @ theta, np.exp(log_sigma))`.
    """
    names = ("states", "actions", "rewards", "ended")
    for _ in range(updates):
        steps = []
        for _ in range(episodes):
            state, _ = env.reset(seed=int(rng.integers(2**31)))
            over = False
            while not over:
                action = rng.normal(state @ theta, np.exp(log_sigma))
                next_state, reward, terminated, truncated, _ = env.step(action)
                over = terminated or truncated
                steps.append((state, action, reward, over))
                state = next_state
        record = {
            name: np.array(column)
            for name, column in zip(names, zip(*steps, strict=True), strict=True)
        }
        of_mean, of_spread, critic = gaussian_reinforce(theta, log_sigma, w, record, discount)
        theta, log_sigma = theta + step_size * of_mean, log_sigma + step_size * of_spread
        w = w - critic_step * critic
    return theta, log_sigma, w
