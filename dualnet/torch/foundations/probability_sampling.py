"""Probability in PyTorch. Source: Dive into Deep Learning, section 2.6.

The draws come from given uniform numbers: the generators of two frameworks never agree.
"""

import torch

from dualnet.concepts.foundations.probability_sampling import Bayes, check_chances

__all__ = ["bayes_rule", "bayes_rule_twice", "expectation", "frequencies", "multinomial", "variance"]


def multinomial(uniform: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
    """Labels drawn by given chances.

    Args:
        uniform: (N,), in [0, 1): decides each draw.
        probabilities: (K,), of the labels.

    Returns:
        (N,) int64.

    Raises:
        ValueError: a probability is below 0, or they do not sum up to 1.
    """
    check_chances(probabilities.numpy(force=True))
    edges = torch.cumsum(probabilities, 0)[:-1]  # K-1, without 1: rounding could leave it below a draw
    return torch.searchsorted(edges, uniform, right=True)  # differs: D273, D274, N


def frequencies(uniform: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
    """How often each label came so far: by the law of large numbers, that nears its probability.

    Args:
        uniform: (N,), in [0, 1): decides each draw.
        probabilities: (K,), of the labels.

    Returns:
        (N, K), after each draw.
    """
    labels = multinomial(uniform, probabilities)
    seen = torch.eye(len(probabilities), dtype=uniform.dtype, device=uniform.device)[labels]  # N K
    draws = torch.arange(1, len(labels) + 1, dtype=uniform.dtype, device=uniform.device)  # N
    return torch.cumsum(seen, 0) / draws[:, None]


def bayes_rule(prior: torch.Tensor, likelihood: torch.Tensor) -> Bayes:
    """P(H | D) = P(D | H) P(H) / P(D).

    Args:
        prior: (K,), P(H).
        likelihood: (K, M), P(D | H).

    Returns:
        Joint, evidence and posterior; NaN for what cannot be observed.
    """
    joint = prior[:, None] * likelihood  # K M
    evidence = joint.sum(0)  # M
    return Bayes(joint, evidence, joint / evidence)


def bayes_rule_twice(prior: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The posterior of two observations that are independent of each other under each hypothesis.

    Args:
        prior: (K,), P(H).
        first: (K, A), P(D1 | H).
        second: (K, B), P(D2 | H).

    Returns:
        (K, A, B), P(H | D1, D2).
    """
    likelihood = first[:, :, None] * second[:, None, :]  # K A B
    return bayes_rule(prior, likelihood.flatten(1)).posterior.reshape(likelihood.shape)


def expectation(values: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
    """The mean (), in the long run, of values (K,) that come with probabilities (K,)."""
    return (values * probabilities).sum()


def variance(values: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
    """The expected square () of the distance from the expectation; the standard deviation is its root."""
    return expectation((values - expectation(values, probabilities)).square(), probabilities)
