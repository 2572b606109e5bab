"""``carina prompts test``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from carina.adaptors import PromptTrial, Shown, StyleScores, load_bank, try_prompts
from carina.cli.terminal import note, print_json, print_table
from carina.core import ConfigError, generator
from carina.encoders import load_text_encoder
from carina.features import Store
from carina.learning import ZeroShot
from carina.recipes import Align, Continual, prepare
from carina.studies import LabelSpace, Manifest, Split, read_data

__all__ = ["trial"]

_SEED = 27


def trial(
    bank: str,
    *,
    encoder: str,
    data: Path | None = None,
    store: Path | None = None,
    image_encoder: str = "",
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """See how far an encoder's reading of a bank hangs on style, and whether it reads "no".

    Args:
        bank: Name of a bank, or path of your own, with a slash.
        encoder: Text encoder that reads it.
        data: Data folder: sentences of its reports are told apart.
        store: Where its films' features are: films of train and val are scored in every style.
        image_encoder: Whose features. Without a space shared with the text encoder, an alignment
            is fitted on the reports of the split pretrain.
        as_json: Print the outcome for machines.
    """
    if bool(store) != bool(image_encoder) or (store and not data):
        raise ConfigError("Films are scored with all three: --data, --store and --image-encoder.")
    loaded, reader = load_bank(bank), load_text_encoder(encoder)
    manifest = None if data is None else read_data(data)
    space, films = LabelSpace(names=loaded.findings), None
    if manifest is not None and store is not None:
        space, films = _films(bank, encoder, manifest, store, image_encoder)
    count = 4 * loaded.a_side * len(space)
    note(f"{reader.card.name} reads some {count} prompts of {len(space)} findings.")
    outcome = try_prompts(
        loaded,
        reader,
        space,
        reports=() if manifest is None else filter(str.strip, manifest.report),
        films=films,
        rng=generator(_SEED, "prompts test"),
    )
    if as_json:
        print_json(outcome)
    else:
        _show(outcome)


def _films(
    bank: str, encoder: str, manifest: Manifest, store: Path, image_encoder: str
) -> tuple[LabelSpace, Shown | None]:
    """The films of train and val; None where images and prompts cannot be compared."""
    recipe = Continual(
        name="prompts test",
        encoders=(image_encoder,),
        text_encoder=encoder,
        prompts=bank,
        align=Align() if len(manifest.rows(Split.PRETRAIN)) else None,
        strategy=ZeroShot(),
    )
    prepared = prepare(recipe, manifest, Store(store))
    labelled, rows = prepared.labelled, prepared.learn
    if prepared.why_no_zero_shot:
        note(f"Films are not scored: {prepared.why_no_zero_shot}.")
        return labelled.space, None
    return labelled.space, Shown(
        features=labelled.features[rows],
        target=labelled.target[rows] & prepared.certain[rows],
        known=prepared.certain[rows],
        patients=labelled.patients[rows],
        alignment=prepared.setting.alignment,
    )


def _show(trial: PromptTrial) -> None:
    print_table(
        "styles: cosine between directions from negative to positive, mean over findings",
        ["styles", "cosine", "lowest", "of"],
        [
            [f"{one.first}, {one.second}", f"{one.cosine:.2f}", f"{one.lowest:.2f}", one.finding]
            for one in trial.agreement
        ],
        words=(3,),
    )
    print_table(
        "negation: is a positive nearer to another positive than to that one's denial?",
        ["style", "share of findings", "cosine to it", "to its denial", "between findings"],
        [
            [
                one.style,
                str(one.read),
                _rounded(one.paraphrase),
                _rounded(one.denial),
                _rounded(one.common),
            ]
            for one in trial.negation
        ],
    )
    if trial.doubt is not None:
        print_table(
            "uncertain prompts on the way from negative (0) to positive (1)",
            ["mean over findings", "lowest", "highest"],
            [
                [
                    f"{place:.2f}"
                    for place in (trial.doubt.place, trial.doubt.lowest, trial.doubt.highest)
                ]
            ],
        )
    _show_scores("sentences that affirm against sentences that deny, AUROC", trial.denied)
    _show_scores("sentences that affirm against what is ordinary, AUROC", trial.ordinary)
    _show_scores("films of train and val, AUROC with nothing learned", trial.films)


def _rounded(cosine: float | None) -> str:
    return "-" if cosine is None else f"{cosine:.2f}"


def _show_scores(title: str, scores: StyleScores | None) -> None:
    if scores is None:
        return
    rows: Sequence[Sequence[str]] = [
        [each.style, str(each.difference), str(each.positive), each.difference.method]
        for each in scores.styles
    ]
    print_table(
        title, ["style", "positive less negative", "positive alone", "how"], rows, words=(3,)
    )
    if scores.spread.defined:
        note(f"{scores.best} less {scores.worst}: {scores.spread}")
