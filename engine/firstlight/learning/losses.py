"""Losses over a catalogue of N items, for B users with up to T targets each.

Targets are positions (B, T) with ``weights`` (B, T); weight 0 marks padding. Users weigh by their number of targets,
as in a multinomial likelihood: a mean over users instead would pull the top of the list towards what light users
choose, and costs far more NDCG than it gains in likelihood.
"""

from __future__ import annotations

import torch
from torch import Tensor


def multinomial_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor, excluded: Tensor) -> Tensor:
    """Mean negative log likelihood of the targets under one softmax over all items (Mult-VAE, arXiv 1802.05814).

    ``logits`` (B, N); ``targets`` int64 (B, T); ``excluded`` bool (B, N): items that cannot be chosen, such as those
    already in the history.
    """
    log_shares = logits.masked_fill(excluded, -torch.inf).log_softmax(dim=-1)
    found = log_shares.gather(1, targets)
    return _mean(-found.masked_fill(weights == 0, 0.0), weights)


def sampled_softmax(
    positive_logits: Tensor, weights: Tensor, negative_logits: Tensor, log_expected: Tensor, excluded: Tensor
) -> Tensor:
    """The same against sampled negatives, with the logQ correction (Bengio & Senécal 2008).

    ``positive_logits`` (B, T); ``negative_logits`` (B, M) of M items drawn with replacement; ``log_expected`` (M,): the
    logarithm of how often each was expected among the M; ``excluded`` bool (B, M): negatives that are targets or
    history of that user. As M grows this tends to the full softmax of each target against all non-targets.
    """
    corrected = (negative_logits - log_expected).masked_fill(excluded, -torch.inf)
    rest = corrected.logsumexp(dim=-1, keepdim=True)
    losses = torch.logaddexp(positive_logits, rest) - positive_logits
    return _mean(losses.masked_fill(weights == 0, 0.0), weights)


def squared_error(predicted: Tensor, values: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean of squared differences; all (B, T)."""
    return _mean((predicted - values) ** 2, weights)


def _mean(losses: Tensor, weights: Tensor) -> Tensor:
    return (losses * weights).sum() / weights.sum().clamp(min=1e-9)
