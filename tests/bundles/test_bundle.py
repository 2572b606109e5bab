"""What a bundle is, and what it refuses to be."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from carina.adaptors import (
    CacheReadout,
    CrossModal,
    LinearReadout,
    PretrainedAdaptor,
    Reads,
    Sequences,
)
from carina.bundles import AnswerRule, Bundle, Lesson
from carina.core import Estimate, InvalidValue, Mismatch, UnknownName
from carina.encoders import load_encoder

Make = Callable[..., Bundle]
RULE = AnswerRule(label="Edema", slope=1.0, intercept=0.0, threshold=0.5, rule="best F1")
TEXT = load_encoder("toy-text").card


@pytest.mark.parametrize(
    "other",
    [
        {"slope": -1.0},
        {"slope": float("nan")},
        {"intercept": float("inf")},
        {"threshold": float("-inf")},
    ],
)
def test_a_rule_is_a_rising_map_and_a_finite_threshold(other: dict[str, float]) -> None:
    with pytest.raises(InvalidValue, match="finite"):
        replace(RULE, **other)  # type: ignore[arg-type]


def test_two_rules_for_one_finding_are_refused(make: Make) -> None:
    with pytest.raises(InvalidValue, match="one rule"):
        make(rules=(RULE, RULE))


def test_a_rule_or_figure_of_another_finding_names_its_neighbour(make: Make) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'Edema'"):
        make(rules=(replace(RULE, label="Oedema"),))
    with pytest.raises(UnknownName, match="Did you mean 'Nodule'"):
        make(auroc={"Nodules": Estimate(value=0.5)})


def test_encoders_of_another_width_are_refused(make: Make) -> None:
    card = load_encoder("toy-image").card
    with pytest.raises(Mismatch, match="toy-image \\+ toy-image gives features 64 wide"):
        make(encoders=(card, card))
    with pytest.raises(Mismatch, match="No encoder gives features 0 wide"):
        make(encoders=())


def test_an_adaptor_stands_over_the_encoders_of_its_bundle_and_gives_what_the_readout_takes(
    adapted: Bundle, make: Make, other_adaptor: PretrainedAdaptor
) -> None:
    foreign = replace(other_adaptor, image_encoder="another")
    tokens = CrossModal(reads=Reads.TOKENS, width=24, heads=2, hidden=16)
    with pytest.raises(Mismatch, match="other encoders than toy-image \\+ toy-text"):
        replace(adapted, pretrained=foreign)
    with pytest.raises(Mismatch, match="other encoders than toy-image, or"):
        replace(adapted, text_encoder=None)
    with pytest.raises(Mismatch, match="reads patches and words"):
        replace(adapted, pretrained=replace(other_adaptor, config=tokens))
    with pytest.raises(Mismatch, match=r"The Adaptor over toy-image .* 24 wide, .* takes 32"):
        make(pretrained=other_adaptor)


def test_a_readout_over_an_adaptor_answers_for_what_the_adaptor_gives(adapted: Bundle) -> None:
    assert adapted.pretrained is not None
    features = torch.randn(70, 32, generator=torch.Generator().manual_seed(5))
    embedded = adapted.pretrained.embed_images(Sequences.of_vectors(features))

    assert torch.allclose(
        adapted.answer(features).difference, adapted.readout(embedded).difference, atol=1e-5
    )
    with pytest.raises(Mismatch, match="takes images 32 wide; got 24"):
        adapted.answer(features[:, :24])


def test_an_adaptor_is_counted_in_bytes(adapted: Bundle) -> None:
    assert adapted.pretrained is not None
    assert adapted.bytes["pretrained"] == 4 * adapted.pretrained.learned


def test_a_text_encoder_is_no_image_encoder_nor_the_reverse(make: Make) -> None:
    with pytest.raises(Mismatch, match="toy-text in the other's place"):
        make(encoders=(TEXT,))
    with pytest.raises(Mismatch, match="toy-image in the other's place"):
        make(text_encoder=load_encoder("toy-image").card)


def test_a_readout_of_patients_rows_makes_no_bundle(make: Make) -> None:
    cache = CacheReadout(
        labels=("Edema",),
        keys=torch.zeros(1, 8, 32, dtype=torch.float64),
        values=torch.zeros(1, 8, dtype=torch.float64),
        text=torch.zeros(1, 32, dtype=torch.float64),
        alpha=torch.ones(1, dtype=torch.float64),
        beta=torch.ones(1, dtype=torch.float64),
    )

    with pytest.raises(InvalidValue, match=r"patients' rows as they are, up to 8 a finding"):
        make(readout=cache, rules=(), auroc={})


def test_a_readout_without_findings_makes_no_bundle(make: Make) -> None:
    empty = LinearReadout(
        labels=(), weight=torch.zeros(0, 32), bias=torch.zeros(0), normalise=False
    )
    with pytest.raises(InvalidValue, match="one finding or more"):
        make(readout=empty, rules=(), auroc={})


def test_a_lesson_names_every_experience_it_had() -> None:
    with pytest.raises(InvalidValue, match="got 1 for 2"):
        Lesson(
            recipe="r",
            strategy="s",
            source="d",
            run="x",
            plan_id="p",
            seed=0,
            after=2,
            experiences=("Edema",),
        )


def test_the_fingerprint_changes_with_every_part_and_with_nothing_else(make: Make) -> None:
    one = make()
    assert make().fingerprint == one.fingerprint
    assert isinstance(one.readout, LinearReadout)
    moved = replace(one.readout, bias=one.readout.bias + 1e-12)
    others = [
        make(readout=moved),
        make(rules=one.rules[:1]),
        make(text_encoder=None),
        make(lineage=()),
        make(auroc={}),
        make(intended_use="other"),
        make(single_patients=True),
        make(encoders=(replace(one.encoders[0], licence="other"),)),
    ]

    assert len({one.fingerprint, *(other.fingerprint for other in others)}) == 1 + len(others)


def test_the_fingerprint_changes_with_the_adaptor(
    adapted: Bundle, other_adaptor: PretrainedAdaptor
) -> None:
    assert adapted.pretrained is not None
    others = [
        replace(adapted, pretrained=other_adaptor),
        replace(adapted, pretrained=replace(adapted.pretrained, patients=21)),
    ]

    assert len({adapted.fingerprint, *(other.fingerprint for other in others)}) == 3
