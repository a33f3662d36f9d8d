import math

import pytest
import torch

from firstlight.learning import multinomial_cross_entropy, sampled_softmax, squared_error


def test_cross_entropy_of_equal_logits_is_the_log_of_what_can_be_chosen():
    logits = torch.zeros(1, 4)
    excluded = torch.tensor([[False, False, False, True]])
    loss = multinomial_cross_entropy(logits, torch.tensor([[0, 1]]), torch.ones(1, 2), excluded)
    assert loss.item() == pytest.approx(math.log(3))


def test_padding_weighs_nothing_even_where_its_item_is_excluded():
    logits = torch.zeros(2, 3, requires_grad=True)
    excluded = torch.tensor([[True, False, False], [False, False, False]])
    targets, weights = torch.tensor([[1, 0], [0, 2]]), torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    loss = multinomial_cross_entropy(logits, targets, weights, excluded)
    assert loss.item() == pytest.approx((math.log(2) + 2 * math.log(3)) / 3)
    loss.backward()
    assert torch.isfinite(logits.grad).all()


def test_no_target_at_all_is_no_loss():
    loss = multinomial_cross_entropy(
        torch.zeros(1, 2), torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, 1), torch.zeros(1, 2, dtype=torch.bool)
    )
    assert loss.item() == 0


def test_sampled_softmax_tends_to_the_full_one_whatever_the_sampling():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 50, generator=generator)
    shares = torch.rand(50, generator=generator) + 0.1
    shares /= shares.sum()
    targets = torch.tensor([[4], [8], [15]])
    full = multinomial_cross_entropy(logits, targets, torch.ones(3, 1), torch.zeros(3, 50, dtype=torch.bool))
    drawn = torch.multinomial(shares, 200_000, replacement=True, generator=generator)
    sampled = sampled_softmax(
        logits.gather(1, targets),
        torch.ones(3, 1),
        logits[:, drawn],
        torch.log(shares[drawn] * len(drawn)),
        drawn == targets,
    )
    assert sampled.item() == pytest.approx(full.item(), abs=0.02)


def test_squared_error_is_weighted():
    loss = squared_error(torch.tensor([[1.0, 9.0]]), torch.tensor([[3.0, 0.0]]), torch.tensor([[1.0, 0.0]]))
    assert loss.item() == 4
