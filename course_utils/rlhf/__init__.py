"""RLHF in miniature: a world of words, a language model, a reward model, and PPO with a KL penalty between them."""

__all__ = []
