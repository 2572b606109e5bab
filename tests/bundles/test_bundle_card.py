"""The card says what the bundle holds, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from carina.bundles import Bundle, UpdateState, write_bundle
from carina.encoders import Exposure, load_encoder

Make = Callable[..., Bundle]


def card(folder: Path, bundle: Bundle, state: UpdateState | None = None) -> str:
    write_bundle(folder, bundle, state=state)
    return (folder / "card.md").read_text()


def test_the_card_says_what_is_answered_and_on_what_it_stands(
    tmp_path: Path, bundle: Bundle
) -> None:
    text = card(tmp_path, bundle)

    assert text.startswith(f"# Bundle {bundle.fingerprint}\n")
    assert "Research use only" in text
    assert "| Edema | calibrated | score 0.1: best F1 | 0.750 [0.500, 1.000] |" in text
    assert "| Mass | calibrated | score 0.1: best F1 | undefined (no positive) |" in text
    assert "| Nodule | not calibrated: a score only | no answer | not measured |" in text
    assert all(card.fingerprint in text for card in bundle.encoders)
    assert "Apache-2.0" in text
    assert "1. small (Ridge) on squares, seed 27: run 0123, plan 4567, after 2" in text


def test_the_card_counts_the_bytes_inside(
    tmp_path: Path, bundle: Bundle, state: UpdateState
) -> None:
    bare = card(tmp_path / "bare", bundle)
    more = card(tmp_path / "more", bundle, state)

    for kind, count in bundle.bytes.items():
        assert f"| {kind} | {count:,} |" in bare
    assert "No image, report, row or sum" in bare
    assert "No image, report, row or sum" not in more
    assert "| update state: sums | 128 |" in more
    assert "Every sum in it is over 7 patient(s) or more." in more
    assert "traces of single patients" not in more


def test_the_card_says_on_whom_an_adaptor_was_pretrained(tmp_path: Path, adapted: Bundle) -> None:
    assert adapted.pretrained is not None
    text = card(tmp_path, adapted)

    assert f"a frozen Adaptor ({adapted.pretrained.fingerprint}), a ValueOnly of " in text
    assert "pre-trained on 1,030 pairs of films and reports of 20 patients." in text


def test_traces_of_single_patients_are_said(tmp_path: Path, make: Make, state: UpdateState) -> None:
    assert "traces of single patients" in card(
        tmp_path, make(), replace(state, single_patients=True)
    )


def test_a_head_that_may_stem_from_one_patient_is_said_with_and_without_a_state(
    tmp_path: Path, make: Make, state: UpdateState
) -> None:
    for given in (None, replace(state, single_patients=True)):
        text = card(tmp_path, make(single_patients=True), given)

        assert "No image, report, row or sum" not in text
        assert "a class it was learned from, may cover fewer than five patients" in text
    assert "may cover fewer than five patients" not in card(tmp_path, make())


def test_what_is_withheld_from_an_update_state_is_listed(
    tmp_path: Path, bundle: Bundle, state: UpdateState
) -> None:
    why = "fewer than 10 patients with it can be told"
    text = card(tmp_path / "some", bundle, replace(state, withheld={"Hernia": why}))

    assert f"Withheld from the update state:\n\n- Hernia: {why}." in text
    assert "Withheld" not in card(tmp_path / "none", bundle, state)


def test_what_the_weights_have_seen_is_said(tmp_path: Path, make: Make) -> None:
    seen = Exposure(source="nih", what="154 of | 230 films")
    encoder = replace(load_encoder("toy-image").card, exposed_to=(seen,))

    assert "| nih: 154 of / 230 films |" in card(tmp_path, make(encoders=(encoder,)))


def test_a_bundle_without_history_says_so(tmp_path: Path, make: Make) -> None:
    assert "Nothing is known of it." in card(tmp_path, make(lineage=()))
