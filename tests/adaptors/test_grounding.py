"""Heat maps: of a linear head exact, of prompts the cosine of each cell."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from carina.adaptors import (
    Identity,
    LinearReadout,
    PromptReadout,
    Sides,
    finding_map,
    fit_alignment,
    phrase_map,
    upsampled,
)
from carina.core import Mismatch, UnknownName

LABELS = ("Edema", "Mass")


def cells(seed: int = 0, dim: int = 6) -> Tensor:
    drawn = torch.Generator().manual_seed(seed)
    return torch.randn(3, 4, dim, generator=drawn, dtype=torch.float64)


def head(*, normalise: bool, dim: int = 6) -> LinearReadout:
    drawn = torch.Generator().manual_seed(9)
    return LinearReadout(
        labels=LABELS,
        weight=torch.randn(2, dim, generator=drawn, dtype=torch.float64),
        bias=torch.tensor([0.3, -1.0], dtype=torch.float64),
        normalise=normalise,
    )


def prompts() -> PromptReadout:
    drawn = torch.Generator().manual_seed(4)
    positive, negative = torch.randn(2, 2, 1, 6, generator=drawn, dtype=torch.float64)
    return PromptReadout(
        labels=LABELS,
        positive=positive,
        negative=negative,
        adaptors=Sides(adaptor=Identity()).build(image_dim=6, text_dim=6, generator=drawn),
    )


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), normalise=st.booleans(), label=st.sampled_from(LABELS))
def test_of_a_linear_head_the_mean_of_the_map_is_the_score(
    seed: int, normalise: bool, label: str
) -> None:
    tokens, readout = cells(seed), head(normalise=normalise)
    pooled = tokens.mean(dim=1)
    score = readout(pooled).difference[:, LABELS.index(label)]

    torch.testing.assert_close(finding_map(readout, label, pooled, tokens).mean(dim=1), score)


def test_of_prompts_each_cell_is_the_difference_of_its_cosines_by_hand() -> None:
    tokens, readout = cells(), prompts()
    heat = finding_map(readout, "Mass", tokens.mean(dim=1), tokens)
    cell = tokens[2, 1]
    by_hand = F.cosine_similarity(cell, readout.positive[1, 0], dim=0) - F.cosine_similarity(
        cell, readout.negative[1, 0], dim=0
    )

    assert heat.shape == (3, 4)
    assert heat[2, 1].item() == pytest.approx(by_hand.item())


def test_a_cell_does_not_hang_on_others_of_prompts() -> None:
    tokens, readout = cells(), prompts()
    moved = tokens.clone()
    moved[:, 0] += 3
    one, other = (finding_map(readout, "Edema", t.mean(dim=1), t) for t in (tokens, moved))

    torch.testing.assert_close(one[:, 1:], other[:, 1:])
    assert not torch.allclose(one[:, 0], other[:, 0])


def test_of_a_phrase_each_cell_is_its_cosine_after_the_alignment() -> None:
    pairs = torch.Generator().manual_seed(6)
    images = torch.randn(40, 6, generator=pairs, dtype=torch.float64)
    reports = images[:, :4] + 0.1 * torch.randn(40, 4, generator=pairs, dtype=torch.float64)
    alignment = fit_alignment(
        images,
        reports,
        patients=torch.arange(40),
        image_encoder="a",
        text_encoder="b",
        penalties=(0.1,),
    )
    phrase = torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    tokens = cells()
    by_hand = F.cosine_similarity(alignment(tokens[1].to(phrase)), phrase[None], dim=1)

    torch.testing.assert_close(phrase_map(phrase, tokens, alignment=alignment)[1], by_hand)
    torch.testing.assert_close(
        phrase_map(tokens[0, 2], tokens)[0, 2], torch.tensor(1.0, dtype=torch.float64)
    )
    with pytest.raises(Mismatch, match="Cells are 6 wide and the phrase 4"):
        phrase_map(phrase, tokens)


def test_on_pixels_the_highest_cell_stays_where_it_is() -> None:
    heat = torch.zeros(1, 12)
    heat[0, 7] = 1.0  # second row of three, last of four columns
    full = upsampled(heat, (3, 4), 24)[0].numpy()
    row, col = np.unravel_index(full.argmax(), full.shape)

    assert full.shape == (24, 24)
    assert 8 <= row < 16
    assert 18 <= col < 24


def test_what_two_neighbours_say_stands_above_what_one_says_alone() -> None:
    heat = torch.zeros(1, 4, 4)
    heat[0, 1, 0] = 1.1
    heat[0, 3, 2] = heat[0, 3, 3] = 1.0
    full = upsampled(heat.reshape(1, 16), (4, 4), 32)[0].numpy()
    row, col = np.unravel_index(full.argmax(), full.shape)

    assert row >= 24
    assert col >= 20


def test_even_heat_stays_even() -> None:
    assert torch.allclose(upsampled(torch.full((2, 9), 0.7), (3, 3), 20), torch.tensor(0.7))


def test_cells_of_another_width_are_refused() -> None:
    with pytest.raises(Mismatch, match="cells are 5 wide and this readout takes 6"):
        finding_map(head(normalise=True), "Mass", cells().mean(dim=1), cells(dim=5))


def test_a_finding_nobody_taught_is_refused_with_its_neighbour() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'Mass'"):
        finding_map(head(normalise=True), "Mas", cells().mean(dim=1), cells())
