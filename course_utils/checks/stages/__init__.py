"""One file for each stage of the build, found by its name."""

ORDER = ["build_rollout", "build_returns", "build_reinforce", "build_baseline", "build_a2c", "build_ppo", "build_rlhf"]
ORDER += ["build_gaussian"]

__all__ = ["ORDER"]
