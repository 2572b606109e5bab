"""Answers for images: the bits of the run, whatever else is asked, and clear refusals."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from carina.adaptors import LinearReadout, answer_in_blocks
from carina.bundles import Bundle, write_bundle
from carina.core import InvalidValue, Mismatch, MissingFile, UnknownName, to_json
from carina.encoders import (
    ENCODERS,
    Encoded,
    EncoderCard,
    ImageEncoder,
    encode_images,
    load_image_encoder,
    prepare,
    side_by_side,
)
from carina.phantoms import draw as draw_phantom
from carina.serving import (
    Prediction,
    Predictor,
    SetAside,
    by_folder,
    load_predictor,
)
from carina.studies import read_image

Film = Callable[..., Path]
TOY = load_image_encoder("toy-image")


def features(paths: list[Path], encoder: ImageEncoder = TOY) -> Tensor:
    """As a store would hold them."""
    spec = encoder.card.preprocess
    assert spec is not None
    prepared = [prepare(read_image(path).pixels, spec) for path in paths]
    return torch.cat([part.pooled for part in encode_images(encoder, prepared)])


def asked(bundle: Bundle, paths: list[Path]) -> list[Prediction]:
    said = list(Predictor(bundle=bundle, encoders=(TOY,), check_input=False).predict(paths))
    predictions = [one for one in said if isinstance(one, Prediction)]
    assert len(predictions) == len(said)
    return predictions


def scores(predictions: list[Prediction]) -> np.ndarray:
    return np.array([[a.score for a in one.findings.values()] for one in predictions])


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The toy encoder under another card, with its numbers changed."""

    card: EncoderCard
    change: float = 1.0

    def to(self, device: torch.device) -> "Named":
        return self

    def encode(self, images: Tensor, *, tokens: bool = False, stages: bool = False) -> Encoded:
        return Encoded(pooled=TOY.encode(images).pooled * self.change)


def test_answers_have_the_bits_of_the_features_scored_together(bundle: Bundle, film: Film) -> None:
    paths = [film(f"{number}.png", number) for number in range(70)]
    wanted = bundle.answer(features(paths)).difference.double().numpy()

    assert np.array_equal(scores(asked(bundle, paths)), wanted)


def test_answers_do_not_depend_on_what_else_is_asked(bundle: Bundle, film: Film) -> None:
    paths = [film(f"{number}.png", number) for number in range(5)]
    together = asked(bundle, paths)
    turned = asked(bundle, paths[::-1])[::-1]
    alone = [asked(bundle, [path])[0] for path in paths]

    assert [one.findings for one in together] == [one.findings for one in alone]
    assert together == turned
    assert [one.image for one in together] == paths


def test_a_rule_makes_probability_and_decision_of_a_score(bundle: Bundle, film: Film) -> None:
    for one in asked(bundle, [film(f"{number}.png", number) for number in range(8)]):
        edema, mass, nodule = one.findings.values()

        assert edema.probability == pytest.approx(1 / (1 + np.exp(1 - 2.5 * edema.score)))
        assert edema.present == (edema.score >= 0.1)
        assert edema.threshold_probability == pytest.approx(1 / (1 + np.exp(0.75)))
        assert mass.probability == pytest.approx(1 / (1 + np.exp(-0.5)))
        assert mass.present == (mass.score >= -0.2)
        assert (nodule.probability, nodule.present, nodule.threshold) == (None, None, None)
        assert nodule.why_undefined == "not calibrated"


def test_encoders_side_by_side_are_joined_as_in_a_run(two_blocks: Bundle, film: Film) -> None:
    other = Named(card=two_blocks.encoders[1], change=9.0)
    paths = [film(f"{number}.png", number) for number in range(3)]
    predictor = Predictor(bundle=two_blocks, encoders=(TOY, other), check_input=False)
    joined = side_by_side([features(paths), features(paths, other)])
    wanted = answer_in_blocks(two_blocks.readout, joined).difference.double().numpy()
    said = [one for one in predictor.predict(paths) if isinstance(one, Prediction)]

    assert np.array_equal(scores(said), wanted)
    with pytest.raises(Mismatch, match="in the order of the bundle's cards"):
        Predictor(bundle=two_blocks, encoders=(other, TOY), check_input=False)


def test_dicom_and_png_in_one_call_and_films_of_one_study_together(
    bundle: Bundle, film: Film, dicom_film: Film
) -> None:
    paths = [
        dicom_film("a.dcm", 1),
        film("b.png", 2),
        dicom_film("c", 3),
        dicom_film("d.dcm", 4, "1.2.826.0.1.78"),
    ]
    found = Predictor(bundle=bundle, encoders=(TOY,), check_input=False).predict_all(paths)

    assert [one.study for one in found.images] == [1, None, 1, 2]
    assert [study.images for study in found.studies] == [(paths[0], paths[2])]
    assert found.bundle == bundle.fingerprint
    edema = found.studies[0].findings["Edema"]
    odds = [
        np.log(p / (1 - p))
        for one in (found.images[0], found.images[2])
        if (p := one.findings["Edema"].probability) is not None
    ]
    assert edema.probability == pytest.approx(1 / (1 + np.exp(-np.mean(odds))))
    assert edema.present == (edema.score >= 0.1)
    assert found.studies[0].findings["Nodule"].why_undefined == "not calibrated"


def test_studies_can_be_folders_or_what_one_says(
    bundle: Bundle, film: Film, dicom_film: Film
) -> None:
    paths = [film("s1/a.png", 1), film("s2/a.png", 2), film("s1/b.png", 3), dicom_film("e.dcm", 4)]
    predictor = Predictor(bundle=bundle, encoders=(TOY,), check_input=False)

    folders = predictor.predict_all(paths, study_of=by_folder)
    nothing = predictor.predict_all(paths, study_of=lambda _: "")

    assert [study.images for study in folders.studies] == [(paths[0], paths[2])]
    assert [one.study for one in nothing.images] == [None] * 4
    assert nothing.studies == ()


def test_what_cannot_be_read_is_set_aside_and_the_rest_is_answered(
    bundle: Bundle, film: Film, dicom_film: Film, tmp_path: Path
) -> None:
    torn = dicom_film("torn.dcm")
    torn.write_bytes(torn.read_bytes()[:-100])
    (tmp_path / "notes.txt").write_text("Doe^Jane")
    paths = [torn, film("good.png"), tmp_path / "gone.png", tmp_path / "notes.txt"]
    said = list(Predictor(bundle=bundle, encoders=(TOY,), check_input=False).predict(paths))

    assert [one.image for one in said] == paths
    assert [type(one) for one in said] == [SetAside, Prediction, SetAside, SetAside]
    reasons = [one.reason for one in said if isinstance(one, SetAside)]
    assert "Truncated" in reasons[0]
    assert reasons[1] == "The file is not there."
    assert "Not a form carina reads" in reasons[2]


def test_numbers_that_are_not_finite_are_no_answer(bundle: Bundle, film: Film) -> None:
    broken = Named(card=TOY.card, change=float("inf"))
    said = list(
        Predictor(bundle=bundle, encoders=(broken,), check_input=False).predict([film("a.png")])
    )

    assert isinstance(said[0], SetAside)
    assert "not finite" in said[0].reason


def test_nothing_is_asked_and_nothing_is_said(bundle: Bundle) -> None:
    found = Predictor(bundle=bundle, encoders=(TOY,), check_input=False).predict_all([])

    assert (found.images, found.studies, found.set_aside) == ((), (), ())


def test_what_is_said_names_no_patient(bundle: Bundle, dicom_film: Film) -> None:
    paths = [dicom_film("a.dcm", 1), dicom_film("b.dcm", 2)]
    said = to_json(Predictor(bundle=bundle, encoders=(TOY,), check_input=False).predict_all(paths))

    assert not any(secret in said for secret in ("Doe", "secret-77", "1.2.826"))


def test_a_bundle_from_disk_answers_the_same(bundle: Bundle, film: Film, tmp_path: Path) -> None:
    write_bundle(tmp_path / "bundle", bundle)
    paths = [film(f"{number}.png", number) for number in range(3)]

    assert list(load_predictor(tmp_path / "bundle", check_input=False).predict(paths)) == asked(
        bundle, paths
    )


def test_another_encoder_is_refused_with_what_was_wanted_and_the_next_step(
    bundle: Bundle,
) -> None:
    other = replace(TOY.card, weights="0" * 40)
    with pytest.raises(Mismatch, match=f"other weights .{other.fingerprint}.*--weights PATH"):
        Predictor(bundle=bundle, encoders=(Named(card=other),), check_input=False)
    newer = replace(TOY.card, recipe_version=2)
    with pytest.raises(Mismatch, match="used in another way"):
        Predictor(bundle=bundle, encoders=(Named(card=newer),), check_input=False)
    with pytest.raises(Mismatch, match="stands on 1 image"):
        Predictor(bundle=bundle, encoders=(), check_input=False)


def on_disk(tmp_path: Path, bundle: Bundle, *cards: EncoderCard) -> Path:
    dim = sum(card.dim for card in cards)
    readout = LinearReadout(
        labels=bundle.labels, weight=torch.ones(3, dim), bias=torch.zeros(3), normalise=False
    )
    write_bundle(
        tmp_path / "made", replace(bundle, readout=readout, encoders=cards, pretrained=None)
    )
    return tmp_path / "made"


def test_a_bundle_for_other_weights_is_refused_when_loaded(tmp_path: Path, bundle: Bundle) -> None:
    folder = on_disk(tmp_path, bundle, replace(TOY.card, weights="0" * 40))

    with pytest.raises(Mismatch, match="--weights PATH"):
        load_predictor(folder)


def test_a_bundle_for_an_encoder_nobody_has_names_its_neighbour(
    tmp_path: Path, bundle: Bundle
) -> None:
    folder = on_disk(tmp_path, bundle, replace(TOY.card, name="toy-images"))

    with pytest.raises(UnknownName, match="Did you mean 'toy-image'"):
        load_predictor(folder)


def test_weights_go_to_the_encoder_that_needs_them(tmp_path: Path, bundle: Bundle) -> None:
    card = replace(ENCODERS["mobilenet-cxr14"].card, weights="0" * 40)
    folder = on_disk(tmp_path, bundle, TOY.card, card)

    with pytest.raises(InvalidValue, match=r"mobilenet-cxr14 comes without weights.*--weights"):
        load_predictor(folder)
    with pytest.raises(MissingFile, match=r"gone\.safetensors"):
        load_predictor(folder, weights=tmp_path / "gone.safetensors")


def test_weights_nobody_takes_are_refused(tmp_path: Path, bundle: Bundle) -> None:
    with pytest.raises(InvalidValue, match="takes no weights file"):
        load_predictor(on_disk(tmp_path, bundle, TOY.card), weights=tmp_path / "some.pt")


def test_the_weights_a_bundle_was_made_with_serve_it_and_others_do_not(
    tmp_path: Path, two_blocks: Bundle, film: Film, shared: Path
) -> None:
    weights = shared / "data" / "cxr" / "weights" / "mbv3_cxr14.safetensors"
    card = load_image_encoder("mobilenet-cxr14", weights=weights).card
    predictor = load_predictor(on_disk(tmp_path, two_blocks, TOY.card, card), weights=weights)
    other = replace(card, weights="0" * 40)

    assert isinstance(next(predictor.predict([film("a.png")])), Prediction)
    with pytest.raises(Mismatch, match="mobilenet-cxr14 with other weights"):
        load_predictor(on_disk(tmp_path, two_blocks, TOY.card, other), weights=weights)


@pytest.fixture
def films(tmp_path: Path) -> dict[str, Path]:
    """A drawn chest, upright and in every wrong way, and noise."""
    upright = np.round(255 * np.asarray(draw_phantom(3, 5, size=128).pixels)).astype(np.uint8)
    ways = {
        "upright": upright,
        "inverted": 255 - upright,
        "turned": np.rot90(upright),
        "upside-down": np.rot90(upright, 2),
        "noise": np.random.default_rng(0).integers(0, 256, (90, 80), dtype=np.uint8),
    }
    for name, pixels in ways.items():
        Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / f"{name}.png")
    return {name: tmp_path / f"{name}.png" for name in ways}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("inverted", ("probably inverted",)),
        ("turned", ("probably rotated",)),
        ("upside-down", ("probably rotated",)),
        ("noise", ("probably not a chest film",)),
    ],
)
def test_a_picture_out_of_scope_gets_the_reason_and_no_answer(
    bundle: Bundle, films: dict[str, Path], name: str, told: tuple[str, ...]
) -> None:
    (found,) = Predictor(bundle=bundle, encoders=(TOY,)).predict([films[name]])

    assert isinstance(found, Prediction)
    assert found.out_of_scope == told
    assert not found.findings


def test_films_in_scope_have_the_same_answers_beside_others(
    bundle: Bundle, films: dict[str, Path]
) -> None:
    guarded = Predictor(bundle=bundle, encoders=(TOY,))
    trusting = Predictor(bundle=bundle, encoders=(TOY,), check_input=False)
    (wanted,) = trusting.predict([films["upright"]])

    found = guarded.predict_all([films["noise"], films["upright"], films["inverted"]])

    assert found.images[1] == wanted
    assert [bool(one.out_of_scope) for one in found.images] == [True, False, True]
    assert not found.set_aside


def test_a_study_is_answered_by_its_films_in_scope(bundle: Bundle, films: dict[str, Path]) -> None:
    predictor = Predictor(bundle=bundle, encoders=(TOY,))
    both = [films["upright"], films["inverted"]]

    found = predictor.predict_all(both, study_of=lambda _: "one")

    assert not found.studies  # one film is left, and speaks for itself
    assert [one.study for one in found.images] == [1, 1]
