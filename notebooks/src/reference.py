# %% [markdown] label="head"
# # Reference
#
# Notation, one page of formulas, a glossary, and where the ideas come from. To print it: *File → Print*. At a scale of 70 % it is
# two pages of A4.

# %% [markdown] label="notation"
# ## Notation
#
# | symbol | meaning | lesson |
# |---|---|---|
# | $\theta$, $\pi_\theta(a\mid s)$, $z$, $\kappa$ | parameters; probability of action $a$ in state $s$; logits, the parameters of a softmax policy; temperature | [01](01_policies.ipynb) |
# | $\tau=(s_1,a_1,\dots,s_T,a_T)$, $\Pr_\theta(\tau)$ | a trajectory; its probability | [04](04_trajectories.ipynb) |
# | $r_t$, $R(\tau)=\sum_t r_t$, $G_t=\sum_{k\ge t}\gamma^{k-t}r_k$ | reward of step $t$; return of a trajectory; reward-to-go, with discount $\gamma$ | [04](04_trajectories.ipynb), [05](05_reinforce.ipynb) |
# | $J(\theta)=\mathbb E_\tau[R(\tau)]$ | performance: what the policy earns on average | [03](03_log_derivative_trick.ipynb) |
# | $V(s)$, $Q(s,a)$, $A(s,a)=Q(s,a)-V(s)$ | value of a state; of an action in it; advantage | [06](06_baselines.ipynb), [07](07_advantage.ipynb) |
# | $\delta_t=r_t+\gamma V(s_{t+1})-V(s_t)$, $\lambda$ | TD error; how far GAE looks beyond it | [07](07_advantage.ipynb) |
# | $\mathcal D$, $m$ | a data set of sampled trajectories; how many | [03](03_log_derivative_trick.ipynb) |
# | $U(\tau;\theta)=\sum_t\log\pi_\theta(a_t\mid s_t)\,A(s_t,a_t)$ | **the objective of this course** | [08](08_advantage_objective.ipynb) |
# | $L$, $H$, $\rho_t$, $\varepsilon$ | a loss, to go down on; entropy; ratio of new to old probability; clip range | [01](01_policies.ipynb), [09](09_actor_critic.ipynb), [10](10_ppo_and_kl.ipynb) |
# | $\pi_{\text{ref}}$, $\beta$ | frozen reference policy; price of leaving it | [10](10_ppo_and_kl.ipynb) |

# %% [markdown] label="cheat-sheet"
# ## Cheat sheet
#
# | formula | what it is for | code | lesson |
# |---|---|---|---|
# | $\pi_a=e^{z_a}/\sum_b e^{z_b}$ | preferences into probabilities | `policy.softmax(logits)` | [01](01_policies.ipynb) |
# | $H=-\sum_a\pi_a\log\pi_a$ | how undecided a policy is | `policy.entropy(logits)` | [01](01_policies.ipynb) |
# | $\partial\log\pi_a/\partial z_b=[a=b]-\pi_b$ | the score: which way one action's probability rises | `policy.score(logits, actions)` | [02](02_score_function.ipynb) |
# | $\partial J=\mathbb E[\partial\log\pi\cdot R]$ | a gradient that can be sampled; $R$ is never differentiated | `estimators.total_return(record)` | [03](03_log_derivative_trick.ipynb) |
# | $\partial\log\Pr_\theta(\tau)=\sum_t\partial\log\pi_\theta(a_t\mid s_t)$ | the dynamics drop out | `estimators.score_gradients(logits, record, weights)` | [04](04_trajectories.ipynb) |
# | $\frac1m\sum_\tau\sum_t\gamma^{t-1}G_t\,\partial\log\pi_\theta(a_t\mid s_t)$ | REINFORCE: an action answers for what follows it | `estimators.reward_to_go(record)` | [05](05_reinforce.ipynb) |
# | $G_t-b(s_t)$ | a baseline: same mean, less noise | `estimators.value_baseline(record, values)` | [06](06_baselines.ipynb) |
# | $\hat A_t=\sum_l(\gamma\lambda)^l\delta_{t+l}$ | GAE: less noise for some bias | `returns.gae(rewards, discounts, values, lambda_)` | [07](07_advantage.ipynb) |
# | $U=\sum_t\log\pi_\theta(a_t\mid s_t)\,A_t$ | one step of learning, $A$ held constant | `objectives.advantage_objective(logits, actions, advantages)` | [08](08_advantage_objective.ipynb) |
# | $\Delta\pi_a\approx\eta\,\pi_a\big(g_a-\sum_b\pi_bg_b\big)$, $g_a=\pi_aA_a$ | what an expected step does to each probability | `objectives.expected_advantage_objective(logits, advantages)` | [08](08_advantage_objective.ipynb) |
# | $L=-U+c_V\tfrac12(G-V)^2-c_HH$ | actor, critic and entropy bonus, to go down on | `objectives.a2c_loss(logits, actions, rewards, discounts, values)` | [09](09_actor_critic.ipynb) |
# | $\min(\rho A,\ \mathrm{clip}(\rho,1-\varepsilon,1+\varepsilon)A)$ | PPO: several steps on one batch | `objectives.ppo_clip_objective(logits, old_log_probs, actions, advantages)` | [10](10_ppo_and_kl.ipynb) |
# | $\mathrm{KL}(\pi\Vert\pi_{\text{ref}})=\sum_a\pi_a\log(\pi_a/\pi_{\text{ref},a})$ | how far from the reference | `policy.kl_divergence(p_logits, q_logits)` | [10](10_ppo_and_kl.ipynb) |
# | $r_t-\beta\log\frac{\pi_\theta}{\pi_{\text{ref}}}$ | the price of leaving the reference, in the reward | `objectives.kl_penalised_rewards(rewards, log_probs, ref_log_probs, beta)` | [10](10_ppo_and_kl.ipynb) |
# | $\pi^*\propto\pi_{\text{ref}}\,e^{r/\beta}$ | the best policy at that price | `policy.softmax(ref_logits + rewards / beta)` | [10](10_ppo_and_kl.ipynb) |
# | $-\log\sigma(r_{\text{chosen}}-r_{\text{rejected}})$ | a reward from preferences; only differences count | `objectives.bradley_terry_loss(chosen, rejected)` | [11](11_rlhf_in_miniature.ipynb) |
# | $A_i=r_i-\frac1{n-1}\sum_{j\ne i}r_j$ | RLOO: the other replies are the baseline | `group_advantages.leave_one_out(rewards)` | [13](13_many_advantages.ipynb) |
# | $A_i=(r_i-\bar r)/\mathrm{sd}(r)$ | GRPO: within the group of a prompt | `group_advantages.group_normalised(rewards)` | [13](13_many_advantages.ipynb) |
# | $-\log\sigma\big(\beta\Delta_{\text{chosen}}-\beta\Delta_{\text{rejected}}\big)$, $\Delta=\log\pi/\pi_{\text{ref}}$ | DPO: from pairs, without sampling | `objectives.dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta)` | [13](13_many_advantages.ipynb) |

# %% [markdown] label="glossary"
# ## Glossary
#
# **Actor, critic**: the policy; the learned value that judges it ([09](09_actor_critic.ipynb)).
# **Advantage**: how much better an action is than the policy's own average there ([07](07_advantage.ipynb)).
# **Baseline**: what is subtracted from a return before it weighs a score; it must not depend on the action ([06](06_baselines.ipynb)).
# **Bias**: the mean of an estimate minus what it estimates ([03](03_log_derivative_trick.ipynb)).
# **Clip fraction**: the share of samples whose ratio left PPO's range, or whose gradient that cut ([10](10_ppo_and_kl.ipynb)).
# **Discount**: what a reward one step later is worth ([05](05_reinforce.ipynb)).
# **Entropy bonus**: a reward for staying undecided ([09](09_actor_critic.ipynb)).
# **Episode**: one trajectory from start to end ([05](05_reinforce.ipynb)).
# **Fisher information**: the covariance of the score ([02](02_score_function.ipynb)).
# **KL divergence**: how far one policy is from another, seen from the first ([10](10_ppo_and_kl.ipynb)).
# **Leave-one-out**: a baseline made of all samples but one's own ([06](06_baselines.ipynb)).
# **Logit**: what the softmax turns into a probability; only differences count ([01](01_policies.ipynb)).
# **MDP**: states, actions, rewards and the chances of moving between states ([04](04_trajectories.ipynb)).
# **Over-optimisation**: the reward model's score rises, what people want falls ([11](11_rlhf_in_miniature.ipynb)).
# **Pair**: two replies to one prompt, and which was preferred ([11](11_rlhf_in_miniature.ipynb)).
# **Policy**: the probability of each action in each state ([01](01_policies.ipynb)).
# **Reference**: the frozen policy that KL is measured from ([10](10_ppo_and_kl.ipynb)).
# **Return**: the sum of an episode's rewards ([04](04_trajectories.ipynb)).
# **Reward model**: a score learned from preference pairs ([11](11_rlhf_in_miniature.ipynb)).
# **Reward-to-go**: the sum of the rewards from now on ([05](05_reinforce.ipynb)).
# **Score**: the gradient of a log-probability ([02](02_score_function.ipynb)).
# **SFT**: supervised fine-tuning, imitation of written replies ([11](11_rlhf_in_miniature.ipynb)).
# **Softmax**: logits into probabilities ([01](01_policies.ipynb)).
# **Standard error**: how far a mean of samples usually lies from the truth ([01](01_policies.ipynb)).
# **State**: what the policy sees before it acts ([01](01_policies.ipynb)).
# **Surrogate**: an objective whose gradient is right where one stands ([10](10_ppo_and_kl.ipynb)).
# **TD error**: reward and next value minus this value ([07](07_advantage.ipynb)).
# **Trajectory**: states and actions in their order ([04](04_trajectories.ipynb)).
# **Value**: what a policy earns on average from a state on ([06](06_baselines.ipynb)).
# **Variance**: how far an estimate spreads around its own mean ([06](06_baselines.ipynb)).
# **Verifiable reward**: a program's verdict in place of a learned score ([13](13_many_advantages.ipynb)).
# **Whitening**: shifting and scaling a batch's advantages to mean 0 and deviation 1 ([07](07_advantage.ipynb)).

# %% [markdown] label="sources"
# ## Sources
#
# Notation and chapter 4, *Alignment*: [Xiao and Zhu 2025](https://arxiv.org/abs/2501.09223).
# REINFORCE: [Williams 1992](https://doi.org/10.1007/BF00992696).
# Policy gradient theorem: [Sutton and others 2000](https://proceedings.neurips.cc/paper/1999/hash/464d828b85b0bed98e80ade0a5c43b0f-Abstract.html).
# Baselines: [Greensmith, Bartlett and Baxter 2004](https://jmlr.org/papers/v5/greensmith04a.html).
# GAE: [Schulman and others 2016](https://arxiv.org/abs/1506.02438).
# A3C: [Mnih and others 2016](https://arxiv.org/abs/1602.01783).
# TRPO: [Schulman and others 2015](https://arxiv.org/abs/1502.05477).
# PPO: [Schulman and others 2017](https://arxiv.org/abs/1707.06347).
# RLHF: [Ouyang and others 2022](https://arxiv.org/abs/2203.02155).
# Over-optimisation: [Gao, Schulman and Hilton 2022](https://arxiv.org/abs/2210.10760).
# DPO: [Rafailov and others 2023](https://arxiv.org/abs/2305.18290).
# RLOO: [Ahmadian and others 2024](https://arxiv.org/abs/2402.14740).
# GRPO: [Shao and others 2024](https://arxiv.org/abs/2402.03300).
# Dr. GRPO: [Liu and others 2025](https://arxiv.org/abs/2503.20783).
# DAPO: [Yu and others 2025](https://arxiv.org/abs/2503.14476).
