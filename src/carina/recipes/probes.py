"""Probes that have names: the classifications of Freeze the backbones, wherever it says how.

Needs: ``carina encode DATA --encoder dinov2:vit-s-14 --weights FOLDER --store S``.
Runs: ``carina probe DATA --recipe NAME --adaptor A --store S --out O``.

Head, AdamW, rates, decays, batches and 100 epochs at most are those of Qin et al. (ICASSP 2024,
arXiv 2401.01179; the figures as their repository tables them). They depart in this: shares are drawn
ten times, by patient and nested, where theirs are one draw of films; the rate is constant, as
theirs all but is; ten epochs without a better validation loss end a head's training, where their
scripts differ; an Adaptor reads each film by itself, where theirs mixes those of a batch.
"""

from collections.abc import Callable, Mapping

from carina.learning import HeadTraining
from carina.recipes.finding import found_recipe
from carina.recipes.probe_recipe import AtShare, Probe

__all__ = ["PROBES", "find_probe"]

_ENCODER = "dinov2:vit-s-14"
_COVIDX = ("No Finding", "Non-COVID-19 Pneumonia", "COVID-19")


def probe_rsna() -> Probe:
    """Opacity or none on the films of RSNA's pneumonia challenge, from 1, 10 and 100 % of the labels.

    Binary cross-entropy and AUROC, as theirs. Their split, 70/15/15 by film, is `legacy-by-image`
    of the source and puts films of one NIH patient on both sides; by default patients stay apart.
    """
    return Probe(
        name="probe-rsna",
        encoders=(_ENCODER,),
        by=HeadTraining(rate=5e-5, weight_decay=1e-4, batch=512),
        apart=(AtShare(share=0.01, by=HeadTraining(rate=5e-5, weight_decay=1e-4, batch=128)),),
        findings=("Lung Opacity",),
        seed=42,
    )


def probe_covidx() -> Probe:
    """Normal, pneumonia or COVID-19 on COVIDx's films, from 1, 10 and 100 % of the labels.

    Three classes that exclude each other are three findings here, each film present in one and
    absent in two: a logit each, taught by binary cross-entropy where theirs is a softmax. The class
    of a film is its highest logit, and the accuracy told is the share of films classed right, which
    is what the authors tell. The mean AUROC beside it asks something else: how well each class is
    ranked against the two others, with no threshold and each class as much as another.

    Their lists are version 5's, a fifth of the training films drawn by film for validation: labels
    "5" and `legacy-mgca` of the source.
    """
    few = HeadTraining(rate=5e-4, weight_decay=0.05, batch=512)
    return Probe(
        name="probe-covidx",
        encoders=(_ENCODER,),
        by=few,
        apart=(AtShare(share=1.0, by=HeadTraining(rate=1e-4, weight_decay=1e-4, batch=512)),),
        findings=_COVIDX,
        exclusive=True,
        seed=6,
    )


PROBES: Mapping[str, Callable[[], Probe]] = {
    make().name: make for make in (probe_rsna, probe_covidx)
}
"""Name to recipe."""


def find_probe(text: str) -> Probe:
    """The probe a command line means: a name, or the path of a TOML or JSON file.

    Raises:
        UnknownName, MissingFile, ConfigError: where there is none of that name, no such file, or
            faults in it, all listed.
    """
    return found_recipe(text, PROBES, Probe, what="probe")
