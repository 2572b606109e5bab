"""The cells of a film through a frozen Adaptor: nothing of another film reaches them."""

import pytest
import torch
from torch import Tensor

from carina.adaptors import (
    AllPairs,
    CrossModal,
    CrossModalConfig,
    PretrainedAdaptor,
    Reads,
    Sequences,
    ValueOnly,
    without_dead_weights,
)
from carina.core import Mismatch

WHOLE = CrossModal(reads=Reads.VECTORS, width=24, heads=3, hidden=16)
FORMS = (WHOLE, CrossModal(width=24, heads=3, hidden=16), ValueOnly(width=24, hidden=16))


def over(config: CrossModalConfig) -> PretrainedAdaptor:
    module = config.build(image_dim=5, text_dim=7, generator=torch.Generator().manual_seed(0))
    return PretrainedAdaptor(
        config=config,
        module=module,
        image_dim=5,
        text_dim=7,
        image_encoder="",
        text_encoder="",
        data="",
        pairs=0,
        patients=0,
    )


def cells(films: int = 3) -> Tensor:
    return torch.randn(films, 6, 5, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("config", FORMS, ids=str)
def test_a_film_s_cells_do_not_move_with_another_film(config: CrossModalConfig) -> None:
    adaptor, films = over(config), cells()
    alone = torch.cat([adaptor.adapt_cells(one[None]) for one in films])
    changed = torch.cat([films[:1], films[1:].flip(0) * 3])

    torch.testing.assert_close(adaptor.adapt_cells(films), alone)
    torch.testing.assert_close(adaptor.adapt_cells(changed)[0], alone[0])
    assert adaptor.adapt_cells(films).shape == (3, 6, 24)


def test_one_cell_gives_what_the_film_s_vector_gives() -> None:
    adaptor, vectors = over(WHOLE), cells()[:, 0]
    wanted = adaptor.embed_images(Sequences.of_vectors(vectors))

    torch.testing.assert_close(adaptor.adapt_cells(vectors[:, None])[:, 0], wanted)


def test_without_attention_each_cell_is_read_as_a_film_and_with_it_cells_see_each_other() -> None:
    whole = over(WHOLE)
    assert hasattr(whole.module, "adaptor_module")
    lean = over(ValueOnly(width=24, hidden=16))
    lean.module.load_state_dict(without_dead_weights(whole.module).state_dict())  # type: ignore[arg-type]
    films = cells()
    each = whole.adapt_cells(films.flatten(0, 1)[:, None])[:, 0].reshape(3, 6, 24)

    torch.testing.assert_close(lean.adapt_cells(films), each)
    assert not torch.allclose(whole.adapt_cells(films), each, atol=1e-3)


def test_cells_carry_no_gradient_and_numbers_are_not_dropped() -> None:
    adaptor, films = over(WHOLE), cells().requires_grad_(True)
    adaptor.module.train()

    assert not adaptor.adapt_cells(films).requires_grad
    assert torch.equal(adaptor.adapt_cells(films), adaptor.adapt_cells(films))


def test_cells_of_another_encoder_and_a_form_without_vectors_are_refused() -> None:
    with pytest.raises(Mismatch, match="takes images 5 wide; got 4"):
        over(WHOLE).adapt_cells(cells()[..., :4])
    with pytest.raises(Mismatch, match="no vector of either"):
        over(AllPairs(towers=CrossModal(width=24, heads=3, hidden=16))).adapt_cells(cells())
