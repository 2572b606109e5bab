"""Named segmentations wait for nothing but their data: a dry run on miniature copies."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from carina.adaptors import Convolutional, outputs_needed
from carina.core import ConfigError, UnknownName, write_json
from carina.encoders import load_image_encoder
from carina.features import Store, encode
from carina.learning import Segmenting
from carina.recipes import (
    SEGMENTATIONS,
    Segmented,
    find_segmentation,
    prepare_masks,
    segment,
    to_encode,
)
from carina.studies import find_marks, read_data
from tests.recipes.miniatures import rsna, siim

FILMS = 10


@pytest.mark.parametrize(("name", "make"), [("segment-rsna", rsna), ("segment-siim", siim)])
def test_a_transfer_runs_dry_on_a_miniature_copy(
    name: str, make: Callable[..., None], tmp_path: Path
) -> None:
    data = tmp_path / "data"
    make(data, films=FILMS, size=1024)
    manifest, toy, store = read_data(data), load_image_encoder("toy-image"), Store(tmp_path / "s")
    whole = SEGMENTATIONS[name]()
    recipe = replace(
        whole,
        encoder="toy-image",
        teaching=Segmenting(decoder=Convolutional(widths=(4,)), steps=2),
        repeats=1,
        draws=100,
    )
    split = ("train",) * 5 + ("val",) + ("test",) * 4
    manifest = replace(manifest, split=split, leaks="drawn")
    marks = find_marks(manifest, recipe.structure)
    rows = to_encode(recipe, manifest, marks)
    outputs = outputs_needed(recipe.teaching.decoder, toy.card)
    list(encode(manifest.take(rows), toy, store, outputs=outputs, workers=1))
    prepared = prepare_masks(recipe, manifest, marks, store, toy.card)
    with prepared.table:
        *_, last = segment(recipe, prepared, tmp_path / "runs")

    assert isinstance(last, Segmented)
    assert (last.results.judged, last.results.positive, last.results.set_aside) == (4, 2, {})
    assert {line.share for line in last.results.lines} == {0.01, 0.1, 1.0}
    empty = next(line for line in last.results.lines if line.predictor == "all-empty")
    assert empty.scores["dice_all"].value == 0.5
    assert last.results.leaks == "drawn"


def test_a_file_of_another_size_in_a_challenge_is_set_aside(tmp_path: Path) -> None:
    siim(tmp_path, films=FILMS, size=1024)
    small = tmp_path / "dicom-images-train" / "f1.dcm"
    Image.fromarray(np.zeros((512, 512), dtype=np.uint8)).save(small, format="PNG")
    manifest, toy, store = (
        read_data(tmp_path),
        load_image_encoder("toy-image"),
        Store(tmp_path / "s"),
    )
    manifest = replace(manifest, split=("train",) * 6 + ("test",) * 4, leaks="drawn")
    recipe = replace(
        SEGMENTATIONS["segment-siim"](), encoder="toy-image",
        teaching=Segmenting(decoder=Convolutional(widths=(4,)), steps=1),
    )  # fmt: skip
    list(encode(manifest, toy, store, outputs=("pooled", "tokens"), workers=1))
    marks = find_marks(manifest, "Pneumothorax")
    with prepare_masks(recipe, manifest, marks, store, toy.card).table:
        masks = prepare_masks(recipe, manifest, marks, store, toy.card).masks

    assert list(masks.set_aside) == [1]
    assert "drawn on 1024 x 1024 pixels and its film has 512 x 512" in masks.set_aside[1]
    assert len(masks) == FILMS - 1


@pytest.mark.parametrize("name", SEGMENTATIONS)
def test_a_named_recipe_is_found_and_reads_back_from_json(name: str, tmp_path: Path) -> None:
    write_json(tmp_path / "recipe.json", SEGMENTATIONS[name]())

    assert find_segmentation(name) == find_segmentation(str(tmp_path / "recipe.json"))
    assert find_segmentation(name).name == name


def test_a_misspelt_name_and_a_strange_file_are_told() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'segment-siim'"):
        find_segmentation("segment-sim")
    with pytest.raises(ConfigError, match=r"got a \.csv file"):
        find_segmentation("films.csv")
