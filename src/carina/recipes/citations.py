"""The works a run owes."""

from carina.encoders import EncoderCard
from carina.recipes.recipe import Continual

__all__ = ["citations"]

_METHODS = {
    "RETune": (
        (
            "Mistretta and Bagdanov, RE-tune: Incremental Fine Tuning of Biomedical Vision-Language "
            "Models for Multi-label Chest X-ray Classification, 2024 (arXiv 2410.17827)"
        ),
    ),
    "ZeroShot": (
        (
            "Tiu et al., Expert-level detection of pathologies from unannotated chest X-ray images via "
            "self-supervised learning, Nature Biomedical Engineering 2022"
        ),
    ),
    "Heads": ("Cox, The Regression Analysis of Binary Sequences, JRSS B 1958",),
    "Ridge": (
        (
            "Hoerl and Kennard, Ridge Regression: Biased Estimation for Nonorthogonal Problems, "
            "Technometrics 1970"
        ),
        (
            "Zhuang et al., ACIL: Analytic Class-Incremental Learning with Absolute Memorization and "
            "Privacy Protection, NeurIPS 2022"
        ),
    ),
}
_ALWAYS = (
    "Efron and Tibshirani, An Introduction to the Bootstrap, 1993",
    "Lopez-Paz and Ranzato, Gradient Episodic Memory for Continual Learning, NeurIPS 2017",
    "Chaudhry et al., Riemannian Walk for Incremental Learning, ECCV 2018",
    "Platt, Probabilistic Outputs for Support Vector Machines, 1999",
)


def citations(recipe: Continual, cards: tuple[EncoderCard, ...]) -> tuple[str, ...]:
    """Method, encoders, statistics, in this order, each once."""
    method = _METHODS.get(type(recipe.strategy).__name__, ())
    encoders = (card.citation for card in cards if card.citation)
    return tuple(dict.fromkeys([*method, *encoders, *_ALWAYS]))
