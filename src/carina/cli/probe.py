"""``carina probe``."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from carina.cards import probe_rows, write_probe_card
from carina.cli.runs import free_for_folder
from carina.cli.terminal import note, print_json, print_table, progress
from carina.core import ConfigError, InvalidValue
from carina.evaluation import ProbeResults
from carina.features import Store
from carina.learning import Heads, HeadTraining, Ridge
from carina.recipes import (
    Prepared,
    Probe,
    ProbeBy,
    Probed,
    check_verb,
    find_probe,
    one_thread,
    prepare_probe,
)
from carina.recipes import probe as probe_recipe
from carina.studies import read_data

__all__ = ["probe"]

_HEADS: dict[str, ProbeBy] = {
    "mlp": HeadTraining(),
    "logistic": Heads(balanced=True),
    "ridge": Ridge(betas=(0.0,)),
}


def probe(
    data: Path,
    *,
    store: Path,
    out: Path,
    encoder: str = "",
    recipe: str = "",
    adaptor: Path | None = None,
    head: Literal["mlp", "logistic", "ridge"] | None = None,
    shares: str = "",
    draws: int | None = None,
    findings: str = "",
    rate: float | None = None,
    batch: int | None = None,
    mapping: Path | None = None,
    seed: int | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Ask how well a frozen encoder tells findings apart, from ever fewer labels.

    Heads learn from shares of the training patients, stop by the split val, and are asked about the
    split test. Intervals hold patients and draws.

    Args:
        data: The data folder, its table, or a collection of several data sets (TOML).
        store: Where `carina encode` put the features.
        out: Folder of runs; this one's is named by what it is.
        encoder: An image encoder whose features are in the store; several with + between them
            stand side by side. The recipe's own by default.
        recipe: A named probe (see `carina recipes`), or a TOML or JSON file; what else is said
            here takes the place of what it says.
        adaptor: Folder of an Adaptor that `carina pretrain` left and that reads vectors; heads then
            stand on what it makes of the features.
        head: mlp (as 'Freeze the backbones' has it, and the default), logistic, or ridge in closed
            form.
        shares: Of the training patients, with commas between; 0.01,0.1,1 by default.
        draws: How often shares are drawn; 10 by default.
        findings: Which, with commas between; all by default.
        rate: Learning rate of the mlp; the authors' 5e-5 by default.
        batch: Films a step of the mlp; the authors' 512 by default.
        mapping: TOML that names the table's columns.
        seed: Of everything random.
        as_json: Print the results for machines.
    """
    chosen = _named(recipe, encoder, head, adaptor)
    if adaptor is not None:
        chosen = replace(chosen, adaptor=str(adaptor))
    if head is not None:
        chosen = replace(chosen, by=_HEADS[head], apart=())
    if rate is not None or batch is not None:
        chosen = replace(chosen, by=_paced(chosen.by, rate, batch), apart=())
    if shares:
        wanted = _shares(shares)
        kept = tuple(one for one in chosen.apart if one.share in wanted)
        chosen = replace(chosen, shares=wanted, apart=kept)
    if findings:
        names = tuple(name.strip() for name in findings.split(",") if name.strip())
        chosen = replace(chosen, findings=names, headline=())
    chosen = replace(
        chosen,
        draws=chosen.draws if draws is None else draws,
        seed=chosen.seed if seed is None else seed,
    )
    ready = prepare_probe(chosen, read_data(data, mapping), Store(store))
    found = _to_end(chosen, ready, free_for_folder(out))
    if as_json:
        print_json(found.results)
    else:
        _show(found.results)
    note(f"Run:  {found.folder}\nCard: {found.folder / 'card.md'}")


def _named(recipe: str, encoder: str, head: str | None, adaptor: Path | None) -> Probe:
    """The recipe over the encoder, or the plain probe of it."""
    encoders = tuple(encoder.split("+"))
    if recipe:
        check_verb(recipe, Probe)
        found = find_probe(recipe)
        return replace(found, encoders=encoders) if encoder else found
    if not encoder:
        raise ConfigError(
            "Name an encoder (--encoder NAME), or a recipe: --recipe NAME or FILE. See: carina recipes."
        )
    name = f"probe {encoder}{' + Adaptor' if adaptor else ''} by {head or 'mlp'}"
    return Probe(name=name, encoders=encoders)


def _paced(by: ProbeBy, rate: float | None, batch: int | None) -> HeadTraining:
    if not isinstance(by, HeadTraining):
        (name,) = (name for name, one in _HEADS.items() if type(one) is type(by))
        raise InvalidValue(f"--rate and --batch are of the mlp; the head is {name}.")
    return replace(by, rate=by.rate if rate is None else rate, batch=batch or by.batch)


def _shares(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(share) for share in text.split(","))
    except ValueError:
        raise InvalidValue(
            f"Shares are numbers above 0 and up to 1 with commas between; got {text!r}. For example "
            "--shares 0.01,0.1,1."
        ) from None


def _to_end(recipe: Probe, ready: Prepared, out: Path) -> Probed:
    with one_thread(), progress() as bars:
        bar = bars.add_task(recipe.name)
        for event in probe_recipe(recipe, ready, out):
            if isinstance(event, Probed):
                write_probe_card(event.folder)
                return event
            bars.update(
                bar,
                description=f"{recipe.name}: {event.experience or event.stage}",
                completed=event.done,
                total=event.of,
            )
    raise AssertionError("probe ends with Probed")


def _show(found: ProbeResults) -> None:
    """The means by share, then every finding."""
    heads = [f"{share.share:.3g}" for share in found.shares]
    header, *rows = probe_rows(found)
    print_table(
        f"{found.name}: mean over {len(found.headline)} finding(s), {found.test_films} test films of "
        f"{found.test_patients} patients",
        header,
        rows,
    )
    print_table(
        "AUROC by finding",
        ["finding", *heads],
        [
            [name, *(str(share.findings[name]) for share in found.shares)]
            for name in found.shares[0].findings
        ],
    )
    if found.leaks:
        note(f"The split leaks, every figure is too good: {found.leaks}.")
    for name, what in found.exposed.items():
        note(f"Exposed: {name}: {what}.")
