"""``carina probe``."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from carina.cli.runs import free_for_folder
from carina.cli.terminal import note, print_json, print_table, progress
from carina.core import InvalidValue
from carina.evaluation import ProbeResults
from carina.features import Store
from carina.learning import Heads, HeadTraining, Ridge
from carina.recipes import Prepared, Probe, Probed, one_thread, prepare_probe
from carina.recipes import probe as probe_recipe
from carina.studies import read_data

__all__ = ["probe"]

_HEADS: dict[str, HeadTraining | Heads | Ridge] = {
    "mlp": HeadTraining(),
    "logistic": Heads(balanced=True),
    "ridge": Ridge(betas=(0.0,)),
}


def probe(
    data: Path,
    *,
    encoder: str,
    store: Path,
    out: Path,
    adaptor: Path | None = None,
    head: Literal["mlp", "logistic", "ridge"] = "mlp",
    shares: str = "0.01,0.1,1",
    draws: int = 10,
    findings: str = "",
    rate: float | None = None,
    batch: int | None = None,
    mapping: Path | None = None,
    seed: int = 27,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Ask how well a frozen encoder tells findings apart, from ever fewer labels.

    Heads learn from shares of the training patients, stop by the split val, and are asked about the
    split test. Intervals hold patients and draws.

    Args:
        data: The data folder, its table, or a collection of several data sets (TOML).
        encoder: An image encoder whose features are in the store; several with + between them
            stand side by side.
        store: Where `carina encode` put the features.
        out: Folder of runs; this one's is named by what it is.
        adaptor: Folder of an Adaptor that `carina pretrain` left and that reads vectors; heads then
            stand on what it makes of the features.
        head: mlp (as 'Freeze the backbones' has it), logistic, or ridge in closed form.
        shares: Of the training patients, with commas between.
        draws: How often shares are drawn.
        findings: Which, with commas between; all by default.
        rate: Learning rate of the mlp; the authors' 5e-5 by default.
        batch: Films a step of the mlp; the authors' 512 by default.
        mapping: TOML that names the table's columns.
        seed: Of everything random.
        as_json: Print the results for machines.
    """
    by = _HEADS[head]
    if isinstance(by, HeadTraining):
        by = HeadTraining(rate=by.rate if rate is None else rate, batch=batch or by.batch)
    elif rate is not None or batch is not None:
        raise InvalidValue(f"--rate and --batch are of the mlp; the head is {head}.")
    recipe = Probe(
        name=f"probe {encoder}{' + Adaptor' if adaptor else ''} by {head}",
        encoders=tuple(encoder.split("+")),
        by=by,
        shares=_shares(shares),
        draws=draws,
        adaptor=str(adaptor or ""),
        findings=tuple(name.strip() for name in findings.split(",") if name.strip()),
        seed=seed,
    )
    ready = prepare_probe(recipe, read_data(data, mapping), Store(store))
    found = _to_end(recipe, ready, free_for_folder(out))
    if as_json:
        print_json(found.results)
    else:
        _show(found.results)
    note(f"Run: {found.folder}")


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
    print_table(
        f"{found.name}: mean over {len(found.headline)} finding(s), {found.test_films} test films of "
        f"{found.test_patients} patients",
        ["share", "patients", "films", "draws", "AUROC", "AP"],
        [
            [
                head,
                str(share.patients),
                f"{share.films:.0f}",
                str(share.draws),
                str(share.means["auroc"]),
                str(share.means["average_precision"]),
            ]
            for head, share in zip(heads, found.shares, strict=True)
        ],
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
