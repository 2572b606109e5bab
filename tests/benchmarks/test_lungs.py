"""The lungs' benchmark, small: a few drawn films, a few steps, every way of the table."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from carina.adaptors import CrossModal, PretrainedAdaptor, Reads
from carina.encoders import load_image_encoder
from carina.evaluation import MASK_SCORES
from carina.learning import Segmenting, load_adaptor, save_adaptor
from carina.phantoms import write_phantoms
from carina.recipes import Segmentation
from carina.studies import find_marks, read_folder

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import lungs
from benchmarks.lungs import Ground, changed, drawn, kept_in, table
from benchmarks.whole_masks import WHOLE, whole_network

RECIPE = Segmentation(
    name="mini",
    encoder="toy-image",
    structure="lungs",
    teaching=Segmenting(decoder=lungs.GRID, steps=2),
    repeats=2,
    draws=100,
)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Drawn films with masks of their lungs."""
    data = tmp_path_factory.mktemp("data")
    list(write_phantoms(data, patients=14, seed=3, size=64, masks=True))
    manifest = read_folder(data)
    return Ground(
        manifest=manifest,
        marks=find_marks(manifest, "lungs", data / "masks"),
        work=tmp_path_factory.mktemp("work"),
        on="val",
        recipe=RECIPE,
    )


@pytest.fixture
def frozen(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """An Adaptor over the toy in the place of one pre-trained, and no whole network."""
    toy = load_image_encoder("toy-image").card
    form = CrossModal(reads=Reads.VECTORS, width=12, heads=2, hidden=8)
    adaptor = PretrainedAdaptor(
        config=form,
        module=form.build(image_dim=toy.dim, text_dim=7, generator=torch.Generator()),
        image_dim=toy.dim,
        text_dim=7,
        image_encoder=toy.fingerprint,
        text_encoder="",
        data="pairs",
        pairs=3,
        patients=2,
    )
    save_adaptor(ground.work / "taught", adaptor)
    monkeypatch.setattr(lungs, "adaptor_of", lambda work: work / "taught")
    some = ("decoder over the frozen encoder", "decoder over the frozen Adaptor")
    monkeypatch.setattr(lungs, "WAYS", {way: lungs.WAYS[way] for way in some})


@pytest.mark.usefixtures("frozen")
def test_every_frozen_way_is_taught_once_and_kept(ground: Ground) -> None:
    found = list(drawn(ground))
    again = list(drawn(ground))

    assert again == found == kept_in(ground.work, "val")  # seconds and all
    assert kept_in(ground.work) == []  # the test films were not read
    assert {(line.share, line.draw) for line in found[0].lines} == {
        *((share, draw) for share in (0.01, 0.1) for draw in (0, 1)),
        (1.0, 0),
    }
    assert found[1].learned < found[0].learned  # cells behind the Adaptor are narrower


@pytest.mark.usefixtures("frozen")
def test_the_table_says_how_far_draws_lie_apart_and_what_seeing_nothing_scores(
    ground: Ground,
) -> None:
    header, rule, *rows, empty = table(kept_in(ground.work, "val") or list(drawn(ground)))

    assert header.count("|") == rule.count("|") == rows[0].count("|")
    assert sum("mean mask of the same films" in row for row in rows) == 3
    assert rows[0].startswith("| decoder over the frozen encoder | 1 | 2 | ")
    assert " ± " in rows[0]
    assert not empty


def test_a_random_adaptor_and_one_without_attention_are_told_from_the_taught(
    ground: Ground, frozen: None
) -> None:
    taught = load_adaptor(ground.work / "taught")
    cells = torch.randn(2, 5, taught.image_dim, generator=torch.Generator().manual_seed(1))
    random, alone = (changed(taught, kind) for kind in ("random", "alone"))

    assert changed(taught, "taught") is taught
    assert random.pairs == 0
    assert not torch.allclose(random.adapt_cells(cells), taught.adapt_cells(cells))
    one_each = taught.adapt_cells(cells.flatten(0, 1)[:, None])[:, 0].reshape(2, 5, -1)
    torch.testing.assert_close(alone.adapt_cells(cells), one_each)


def test_a_whole_network_is_judged_as_a_decoder_is(ground: Ground) -> None:
    quick = replace(WHOLE["transformer"], steps=1)
    learned, line = whole_network(quick, ground.manifest, ground.marks, on="val", seed=1, draws=100)

    assert line.share == 1.0
    assert line.films > line.patients > 0
    assert set(line.scores) == set(MASK_SCORES)
    assert learned > 1_000_000
