"""The claims of *Freeze the backbones*, asked in miniature: toy encoders, few phantoms."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel, Dinov2Config, Dinov2Model

from carina.adaptors import CrossModal
from carina.learning import Pretraining
from carina.phantoms import write_phantoms
from carina.recipes import PRETRAININGS
from carina.studies import Disturbance

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import (
    backbones_adaptor,
    backbones_forms,
    backbones_held,
    backbones_probe,
    backbones_whole,
)
from benchmarks.backbones import measured, read
from benchmarks.backbones_adaptor import recipe_of
from benchmarks.backbones_forms import FORMS
from benchmarks.backbones_ground import MINILM, SHUFFLED, Ground, image_encoder, text_encoder
from benchmarks.backbones_held import EVERYWHERE, OVER, OWN, SITES
from benchmarks.backbones_notes import NOTES, masked
from benchmarks.backbones_outcome import Outcome, Trial
from benchmarks.backbones_references import CHANCE, ORACLE, REFERENCES
from benchmarks.backbones_tables import table
from benchmarks.backbones_whole import (
    FROZEN,
    LESS,
    NIH,
    WAYS,
    WHOLE,
    Films,
    Tuning,
    born,
    learn_whole,
)
from tests.benchmarks.hospital import hospital

TOYS = {"image": "toy-image", "text": "toy-text"}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Sixty patients drawn, and a hospital of small films beside them."""
    folder = tmp_path_factory.mktemp("backbones")
    (folder / "data" / "nih").mkdir(parents=True)
    hospital(folder / "data" / "nih")
    for _ in write_phantoms(folder / "data" / "covid", patients=40, seed=9):
        pass
    drawn = Ground(data=folder / "data", work=folder / "work", patients=60)
    for corpus in ("drawn", "few", "notes"):
        for name in (*TOYS.values(), TOYS["image"] + SHUFFLED):
            read((corpus, name), drawn)
    return drawn


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few draws, few epochs."""
    plain = PRETRAININGS["adaptor-phantoms"]()
    assert isinstance(plain.training, Pretraining)
    training = replace(plain.training, epochs=2, batch=16)
    quick = replace(plain, training=training, draws=100)
    monkeypatch.setitem(PRETRAININGS, "adaptor-phantoms", lambda: quick)
    for module in (backbones_adaptor, backbones_held, backbones_whole):
        monkeypatch.setattr(module, "DRAWS", 100)  # as the recipe above
    monkeypatch.setattr(backbones_probe, "DRAWS", 2)
    monkeypatch.setattr(backbones_probe, "RESAMPLES", 50)
    monkeypatch.setattr(backbones_forms, "SECONDS", 0.0)
    monkeypatch.setattr(backbones_whole, "TUNING", Tuning(batch=8, epochs=1))


def outcome(part: str, what: str, ground: Ground, **names: str) -> Outcome:
    return measured(Trial(part=part, what=what, **(TOYS | names)), ground)


def test_an_adaptor_is_learned_over_two_frozen_encoders_and_its_outcome_is_kept(
    ground: Ground,
) -> None:
    first = outcome("agnostic", "Adaptor", ground)
    before = sorted((ground.work / "outcomes").iterdir())

    assert outcome("agnostic", "Adaptor", ground) == first
    assert sorted((ground.work / "outcomes").iterdir()) == before
    assert first.retrieval is not None
    assert first.auroc["100% of the labels"].value is not None
    assert first.figures["epochs"] == 2


def test_the_oracle_is_above_chance_and_chance_is_what_constant_scores_get(ground: Ground) -> None:
    asked = {what: outcome("references", what, ground) for what in REFERENCES}
    found = {what: one.retrieval for what, one in asked.items()}

    for way in ("text_to_image", "image_to_text"):
        by_chance, by_oracle = (getattr(found[what], way) for what in (CHANCE, ORACLE))
        assert by_chance.recall["5"].value == pytest.approx(by_chance.chance["5"])
        assert by_oracle.recall["5"].value > by_chance.recall["5"].value


def test_every_way_says_what_it_took_and_frozen_encoders_lose_nothing(ground: Ground) -> None:
    asked = {what: outcome("ways", what, ground) for what in WAYS}
    over, whole = asked[FROZEN], asked[WHOLE]

    assert over.retrieval == outcome("agnostic", "Adaptor", ground).retrieval
    assert over.figures["learned"] < over.figures["all"]
    assert whole.figures["learned"] == whole.figures["all"] == over.figures["all"]
    assert min(one.figures["peak"] for one in (over, whole)) > 1e8
    alone = next(iter(asked.values()))
    assert alone.auroc[LESS].value == 0
    assert whole.auroc[LESS].value == pytest.approx(
        (whole.auroc[NIH].value or 0) - (alone.auroc[NIH].value or 0)
    )


def test_end_to_end_moves_both_encoders(ground: Ground, tmp_path: Path) -> None:
    images, texts = image_encoder("toy-image", ground.data), text_encoder("toy-text")
    before = {name: tensor.clone() for name, tensor in images.module.state_dict().items()}
    whole = born(images, texts, recipe_of(**TOYS))
    start = {name: tensor.clone() for name, tensor in whole.state_dict().items()}
    pixels = np.random.default_rng(0).normal(size=(24, 1, 16, 16)).astype(np.float32)
    np.save(tmp_path / "films.npy", pixels)

    losses = learn_whole(
        whole,
        Films(path=tmp_path / "films.npy"),
        [[1 + number] for number in range(24)],
        learn=np.arange(16),
        stop=np.arange(16, 24),
        seed=1,
    )

    assert len(losses) == 1
    moved = {name for name, tensor in whole.state_dict().items() if (tensor != start[name]).any()}
    assert {"images.whole.weight", "texts.words.weight", "adaptor.logit_scale"} <= moved
    for name, tensor in images.module.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)


@pytest.mark.parametrize("what", FORMS)
def test_every_form_gets_the_same_pairs_and_stops_after_its_time(what: str, ground: Ground) -> None:
    found = outcome("forms", what, ground)

    assert found.retrieval is not None
    assert found.figures["epochs"] == 1  # no seconds: one epoch is over when it looks at the clock
    assert found.figures["pairs"] == outcome("forms", next(iter(FORMS)), ground).figures["pairs"]


@pytest.mark.parametrize("what", NOTES)
def test_notes_are_searched_by_films_and_films_by_notes(what: str, ground: Ground) -> None:
    found = outcome("notes", what, ground)

    assert found.retrieval is not None
    assert found.figures["notes"] > found.figures["pairs"] > 0


@pytest.mark.parametrize(
    ("note", "left"),
    [
        ("RT-PCR for SARS-CoV-2 was positive.", "RT-PCR for the disease was positive."),
        ("Bilateral pneumonia, day 3 of COVID-19.", "Bilateral the disease, day 3 of the disease."),
        ("Novel coronavirus disease 2019", "the disease"),
        ("Consolidation in the left lower lobe.", "Consolidation in the left lower lobe."),
    ],
)
def test_names_of_diseases_are_masked_and_what_is_seen_is_not(note: str, left: str) -> None:
    assert masked(note) == left


def test_readers_over_an_adaptor_and_without_are_asked_about_films_disturbed(
    ground: Ground,
) -> None:
    found = outcome("disturbed", Disturbance.INVERSION, ground).auroc

    assert set(found) == {f"{name}, step {level}" for name in (OVER, OWN) for level in (1, 2, 3)}
    assert all(lost.value for lost in found.values())  # something moved, for better or worse


def test_one_site_is_learned_from_and_every_site_is_asked(ground: Ground) -> None:
    east, everywhere = (outcome("sites", where, ground) for where in (SITES[0], EVERYWHERE))

    assert set(east.auroc) == {f"{name}, at {where}" for name in (OVER, OWN) for where in SITES}
    assert 0 < east.figures["labelled"] < everywhere.figures["labelled"]


@pytest.mark.parametrize(("width", "heads", "all_of_it"), [(384, 6, 143.5e6), (768, 12, 208.3e6)])
def test_over_nine_tenths_fewer_numbers_are_learned_than_there_are(
    width: int, heads: int, all_of_it: float
) -> None:
    """DINOv2 and BERT as the paper counts them; the sizes are those of its tables."""
    with torch.device("meta"):
        films = Dinov2Model(
            Dinov2Config(
                hidden_size=width, num_attention_heads=heads, image_size=518, patch_size=14
            )
        )
        texts = BertModel(BertConfig())
    learned = numbers(paper_adaptor(width, 768))
    whole = learned + numbers(films) + numbers(texts)

    assert whole == pytest.approx(all_of_it, abs=5e4)
    assert learned / whole < 0.1


def test_over_small_encoders_an_adaptor_of_the_papers_size_is_not_light() -> None:
    texts, trunk = text_encoder(MINILM).module, 0.5e6  # of MobileNetV3-small, at most

    learned = numbers(paper_adaptor(576, 384))

    assert learned / (learned + numbers(texts) + trunk) > 0.3


def paper_adaptor(image_dim: int, text_dim: int) -> torch.nn.Module:
    form = PRETRAININGS["adaptor-paper"]().training.adaptor
    assert isinstance(form, CrossModal)
    drawn = torch.Generator().manual_seed(0)
    return form.build(image_dim=image_dim, text_dim=text_dim, generator=drawn)


def numbers(module: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def test_text_encoders_of_the_authors_lie_as_far_apart_as_their_notebook_says(
    ground: Ground,
) -> None:
    found = [outcome("agnostic", "Adaptor", ground)]

    lines = table(found)

    assert "| theirs | DINOv2 ViT-B | 1% | 0.823 | 0.844 | 0.021 |" in lines
    share = found[0].auroc["100% of the labels"].value
    assert f"| ours | toy-image | 100% | {share:.3f} | {share:.3f} | 0.000 |" in lines
