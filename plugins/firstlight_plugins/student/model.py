"""The network: item codes, and the encoder that turns a history into a state.

Shapes: B users, H history items, d width, N items, C content columns, P profile columns, E a teacher's state.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import prune

_SCALE = 0.15
_EVIDENCE = 20.0
_COUNT_SHRINK = 5.0
_GAIN = (0.3, 0.7, 0.0)
_HIDDEN = 16


class Encoder(nn.Module):
    """state = T (h + MLP(h)),  h = s · Σⱼ gⱼ xⱼ / √(k + c) + profile part.

    xⱼ is the code of history item j and gⱼ its gain: a line in the value for disliked items (below zero at the start),
    another for liked ones, plus one number a type of interaction. The state shrinks to the prior as evidence goes to
    zero. As few operations as will do: on so small a network each costs more than its arithmetic.
    """

    substitute: Tensor

    def __init__(
        self, width: int, *, profile_columns: int, types: int, mean: float, deviation: float, positive_value: float
    ) -> None:
        super().__init__()
        self.slope, self.intercept = 1 / deviation, -mean / deviation
        self.positive_value = positive_value
        self.register_buffer("substitute", torch.tensor(max(mean, positive_value)))
        self.gain = nn.Parameter(torch.tensor(_GAIN))
        self.type_gain = nn.Embedding(types, 1)
        self.scale = nn.Parameter(torch.tensor(_SCALE))
        self.log_evidence = nn.Parameter(torch.tensor(math.log(_EVIDENCE)))
        self.profile_part = _linear(profile_columns, width)
        self.inner, self.outer = nn.Linear(width, _HIDDEN), nn.Linear(_HIDDEN, width)
        self.transform = nn.Linear(width, width, bias=False)
        nn.init.eye_(self.transform.weight)
        nn.init.zeros_(self.type_gain.weight)
        for layer in (self.profile_part, self.outer):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def hidden(
        self, codes: Tensor, values: Tensor, lengths: Tensor, profile: Tensor, types: Tensor | None = None
    ) -> Tensor:
        """The state (B, d) before T: what is compared to a teacher's."""
        value = torch.where(torch.isnan(values), self.substitute, values)
        scaled = (value * self.slope + self.intercept).clamp(-3, 3)
        liked = (value >= self.positive_value).float()
        gain = self.gain[0] * scaled + liked * (self.gain[1] + self.gain[2] * scaled)
        if types is not None:
            gain = gain + self.type_gain(types)[..., 0]
        pooled = (gain[:, None, :] @ codes)[:, 0, :]
        state = pooled * (self.scale / (lengths + self.log_evidence.exp()).sqrt()) + self.profile_part(profile)
        out: Tensor = state + self.outer(torch.relu(self.inner(state)))
        return out

    def forward(
        self, codes: Tensor, values: Tensor, lengths: Tensor, profile: Tensor, types: Tensor | None = None
    ) -> Tensor:
        """State (B, d) from codes (B, H, d), zero for padding, and values (B, H), NaN where there is none.

        ``lengths`` float (B, 1): how many of H are real; ``profile`` (B, P); ``types`` (B, H), where there are several.
        """
        state: Tensor = self.transform(self.hidden(codes, values, lengths, profile, types))
        return state

    def prune(self, kept: float) -> None:
        """From now on the smallest weights of each matrix are 0, but for those of the gain, which has few."""
        for layer in (self.profile_part, self.inner, self.outer, self.transform):
            if layer.weight.numel():
                prune.l1_unstructured(layer, "weight", amount=1 - kept)  # type: ignore[no-untyped-call]  # torch

    def settle(self) -> None:
        """Make pruned weights plain ones again."""
        for layer in (self.profile_part, self.inner, self.outer, self.transform):
            if prune.is_pruned(layer):
                prune.remove(layer, "weight")  # type: ignore[no-untyped-call]  # torch


class StudentModel(nn.Module):
    """Residual of item i = state · xᵢ.

    xᵢ = a · id + (1 − a) · content W with a = n / (n + 5), or content alone where the id is dropped. W stays the ridge
    it starts as, as in ``sequence``: trained, it would learn the training items by heart.
    """

    content: Tensor
    trust: Tensor
    content_codes: Tensor
    mask: Tensor

    def __init__(
        self,
        encoder: Encoder,
        *,
        content: NDArray[np.float32],
        counts: NDArray[np.integer],
        codes: NDArray[np.float32],
        content_codes: NDArray[np.float32],
        state_width: int,
        id_dropout: float,
    ) -> None:
        super().__init__()
        self.encoder, self.id_dropout = encoder, id_dropout
        self.ids = nn.Parameter(torch.tensor(codes))
        seen = torch.tensor(counts, dtype=torch.float32)
        self.register_buffer("content", torch.tensor(content), persistent=False)
        self.register_buffer("content_codes", torch.tensor(content_codes), persistent=False)
        self.register_buffer("trust", (seen / (seen + _COUNT_SHRINK))[:, None], persistent=False)
        self.register_buffer("mask", torch.ones(1, 1), persistent=False)
        self.teacher_state = nn.Linear(codes.shape[1], state_width) if state_width else None

    def codes(self, positions: Tensor | None = None) -> Tensor:
        """Codes (..., d) of ``positions`` (...), of all N items by default; ids are dropped while training."""
        ids: Tensor = self.ids
        trust, content, mask = self.trust, self.content, self.mask
        if positions is not None:
            ids, trust, content = ids[positions], trust[positions], content[positions]
            mask = mask[positions] if len(mask) > 1 else mask
        if self.training and self.id_dropout:
            trust = trust * (torch.rand_like(trust) >= self.id_dropout)
        return (trust * ids + (1 - trust) * (content @ self.content_codes)) * mask

    def prune(self, kept: float) -> None:
        """From now on each code keeps its ⌈``kept`` · d⌉ largest entries, and the encoder the largest weights."""
        codes = self.codes().detach()
        largest = codes.abs().topk(math.ceil(kept * codes.shape[1]), dim=1).indices
        self.mask = torch.zeros_like(codes).scatter_(1, largest, 1.0)
        self.encoder.prune(kept)


def _linear(columns: int, width: int) -> nn.Linear:
    """A linear layer; of no columns its bias alone. It is cut from one column: torch warns of an empty start."""
    layer = nn.Linear(max(columns, 1), width)
    layer.weight = nn.Parameter(layer.weight.detach()[:, :columns])
    layer.in_features = columns
    return layer
