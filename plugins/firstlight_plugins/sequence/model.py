"""The network: item codes, and the encoder that turns a history into a state.

Shapes: B users, H tokens, d width, N items, C content columns, P profile columns, F token features.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from firstlight_plugins.sequence.config import Size

_SCALE = 0.15
_EVIDENCE = 20.0
_VALUE_GAIN = (0.3, 0.7)
"""Where the gain of a value and of its being positive start; that of all other features starts at 0."""
_COUNT_SHRINK = 5.0


class Block(nn.Module):
    """A pre-norm transformer layer that starts as the identity."""

    def __init__(self, width: int, heads: int, expansion: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.inner_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.mixed = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner, self.outer = nn.Linear(width, expansion * width), nn.Linear(expansion * width, width)
        self.dropout = nn.Dropout(dropout)
        for layer in (self.mixed, self.outer):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor, hidden: Tensor) -> Tensor:
        """``tokens`` (B, 1 + H, d); ``hidden`` (B, 1, 1, 1 + H): large and negative for padding."""
        batch, length, width = tokens.shape
        heads = self.qkv(self.attention_norm(tokens)).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)
        weights = (query @ key.transpose(-1, -2) / math.sqrt(width // self.heads) + hidden).softmax(dim=-1)
        mixed = (weights @ value).transpose(1, 2).reshape(batch, length, width)
        tokens = tokens + self.dropout(self.mixed(mixed))
        inner = functional.gelu(self.inner(self.inner_norm(tokens)))
        out: Tensor = tokens + self.dropout(self.outer(inner))
        return out


class SequenceModel(nn.Module):
    """h = s · Σⱼ gⱼ xⱼ / √(k + c) + profile part;  residual of item i = h · vᵢ.

    xⱼ is the code of history item j and gⱼ its gain: a base that grows with the value (negative for a disliked item)
    plus a correction that a transformer over [profile, history] learns from context. The state thus stays in the span
    of what the user touched and shrinks to the prior as evidence goes to zero; on small data a free read-out of the
    transformer only overfits. Code = a · id + (1 − a) · content W with a = n / (n + 5), or content alone when the id
    is dropped; v = code · T. W stays the ridge it starts as: trained, it learns the training items by heart and halves
    the NDCG of items it has not seen. Gates start at zero and T at one: training starts at the spectral model.
    """

    content: Tensor
    trust: Tensor
    content_weights: Tensor

    def __init__(
        self,
        size: Size,
        *,
        content: NDArray[np.float32],
        counts: NDArray[np.integer],
        codes: NDArray[np.float32],
        content_weights: NDArray[np.float32],
        features: int,
        profile_columns: int,
        types: int,
        dropout: float,
        id_dropout: float,
    ) -> None:
        super().__init__()
        width = size.width
        seen = torch.tensor(counts, dtype=torch.float32)
        self.register_buffer("content", torch.tensor(content), persistent=False)
        self.register_buffer("content_weights", torch.tensor(content_weights))
        self.register_buffer("trust", (seen / (seen + _COUNT_SHRINK))[:, None], persistent=False)
        self.ids = nn.Parameter(torch.tensor(codes))
        self.transform = nn.Parameter(torch.eye(width))
        self.profile_token = _linear(profile_columns, width)
        self.feature_token = nn.Linear(features, width)
        self.type_token = nn.Embedding(types, width)
        self.blocks = nn.ModuleList(Block(width, size.heads, size.expansion, dropout) for _ in range(size.layers))
        self.norm = nn.LayerNorm(width)
        self.base_gain = nn.Parameter(torch.tensor((*_VALUE_GAIN, *[0.0] * (features - len(_VALUE_GAIN)))))
        last_gain = nn.Linear(16, 1)
        self.feature_gain = nn.Sequential(nn.Linear(features, 16), nn.GELU(), last_gain)
        self.context_gain = nn.Linear(width, 1)
        self.scale = nn.Parameter(torch.tensor(_SCALE))
        self.log_evidence = nn.Parameter(torch.tensor(math.log(_EVIDENCE)))
        self.profile_state = _linear(profile_columns, width)
        self.dropout = nn.Dropout(dropout)
        self.id_dropout = id_dropout
        nn.init.zeros_(self.type_token.weight)
        for layer in (last_gain, self.context_gain, self.profile_state):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def codes(self, positions: Tensor | None = None) -> Tensor:
        """Codes (..., d) of ``positions`` (...), of all N items by default; ids are dropped while training."""
        ids: Tensor = self.ids
        trust, content = self.trust, self.content
        if positions is not None:
            ids, trust, content = ids[positions], trust[positions], content[positions]
        if self.training and self.id_dropout:
            trust = trust * (torch.rand_like(trust) >= self.id_dropout)
        return trust * ids + (1 - trust) * (content @ self.content_weights)

    def vectors(self, codes: Tensor) -> Tensor:
        """Target vectors (..., d) of ``codes`` (..., d)."""
        return codes @ self.transform

    def forward(self, codes: Tensor, features: Tensor, types: Tensor, mask: Tensor, profile: Tensor) -> Tensor:
        """State (B, d) from codes (B, H, d), features (B, H, F), types and mask (B, H), profile (B, P)."""
        real = mask[..., None]
        gain = self.feature_gain(features) + (features * self.base_gain).sum(dim=-1, keepdim=True)
        history = (codes * gain + self.feature_token(features) + self.type_token(types)) * real
        tokens = torch.cat([self.profile_token(profile)[:, None], self.dropout(history)], dim=1)
        hidden = (torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)[:, None, None, :] - 1) * 1e9
        for block in self.blocks:
            tokens = block(tokens, hidden)
        gain = gain + self.context_gain(self.norm(tokens[:, 1:]))
        evidence = mask.sum(dim=1, keepdim=True) + self.log_evidence.exp()
        pooled = (codes * gain * real).sum(dim=1) / evidence.sqrt()
        state: Tensor = self.dropout(self.scale * pooled + self.profile_state(profile))
        return state


def _linear(columns: int, width: int) -> nn.Linear:
    """A linear layer; of no columns its bias alone. It is cut from one column: torch warns of an empty start."""
    layer = nn.Linear(max(columns, 1), width)
    layer.weight = nn.Parameter(layer.weight.detach()[:, :columns])
    layer.in_features = columns
    return layer
