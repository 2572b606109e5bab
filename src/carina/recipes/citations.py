"""The works a run owes."""

from carina.encoders import EncoderCard
from carina.learning import RETune
from carina.recipes.recipe import Continual

__all__ = ["citations"]

_RCLP = (
    "Ceccon et al., Multi-Label Continual Learning for the Medical Domain: A Novel Benchmark, "
    "WACV 2025 (arXiv 2404.06859)"
)
_METHODS: dict[str, tuple[str, ...]] = {
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
    "LwF": ("Li and Hoiem, Learning without Forgetting, ECCV 2016",),
    "PseudoLabels": (
        "Lee, Pseudo-Label, ICML workshops 2013",
        _RCLP,
    ),
    "Averaged": (
        "Marouf et al., Weighted Ensemble Models Are Strong Continual Learners, ECCV 2024",
    ),
    "L2": (
        (
            "Li, Grandvalet and Davoine, Explicit Inductive Bias for Transfer Learning with "
            "Convolutional Networks, ICML 2018"
        ),
    ),
    "EWC": (
        ("Kirkpatrick et al., Overcoming catastrophic forgetting in neural networks, PNAS 2017"),
        "Schwarz et al., Progress & Compress, ICML 2018",
    ),
    "SI": (
        "Zenke, Poole and Ganguli, Continual Learning Through Synaptic Intelligence, ICML 2017",
    ),
    "GPM": ("Saha, Garg and Roy, Gradient Projection Memory for Continual Learning, ICLR 2021",),
    "SLCA": (
        (
            "Zhang et al., SLCA: Slow Learner with Classifier Alignment for Continual Learning on a "
            "Pre-trained Model, ICCV 2023"
        ),
    ),
    "Replay": (
        "Chaudhry et al., On Tiny Episodic Memories in Continual Learning, 2019 (arXiv 1902.10486)",
    ),
    "RCLP": (_RCLP,),
    "Heads": ("Cox, The Regression Analysis of Binary Sequences, JRSS B 1958",),
    "RanPAC": (
        (
            "McDonnell et al., RanPAC: Random Projections and Pre-trained Models for Continual "
            "Learning, NeurIPS 2023"
        ),
    ),
    "KLDA": (
        (
            "Momeni, Mazumder and Liu, Continual Learning Using a Kernel-Based Method Over Foundation "
            "Models, AAAI 2025"
        ),
        "Rahimi and Recht, Random Features for Large-Scale Kernel Machines, NeurIPS 2007",
    ),
    "SLDA": (
        (
            "Hayes and Kanan, Lifelong Machine Learning with Deep Streaming Linear Discriminant "
            "Analysis, CVPR workshops 2020"
        ),
    ),
    "AnaCP": (
        (
            "Momeni, Xiao and Liu, AnaCP: Toward Upper-Bound Continual Learning via Analytic "
            "Contrastive Projection, NeurIPS 2025 (arXiv 2511.13880)"
        ),
    ),
    "L3A": (
        (
            "Zhang et al., L3A: Label-Augmented Analytic Adaptation for Multi-Label Class "
            "Incremental Learning, ICML 2025"
        ),
    ),
    "TextProbe": (
        "Shakeri et al., Few-shot Adaptation of Medical Vision-Language Models, MICCAI 2024",
        "Huang et al., LP++: A Surprisingly Strong Linear Probe for Few-Shot CLIP, CVPR 2024",
    ),
    "TipAdapter": (
        (
            "Zhang et al., Tip-Adapter: Training-free Adaption of CLIP for Few-shot Classification, "
            "ECCV 2022"
        ),
    ),
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
_ADAPTORS = {
    "ClipAdapter": (
        (
            "Gao et al., CLIP-Adapter: Better Vision-Language Models with Feature Adapters, "
            "International Journal of Computer Vision 2024 (arXiv 2110.04544)"
        ),
    ),
}
_SCENARIOS = {
    "NewInstancesAndClasses": (_RCLP,),
    "BySite": (
        (
            "Kavitha et al., CARL-CXR: Continual Adapter-Based Routing for Task-Unknown Chest "
            "Radiograph Classification, 2026 (arXiv 2602.15811)"
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
    """Method, its adaptors, scenario, encoders, statistics, in this order, each once."""
    strategy = recipe.strategy
    inner = getattr(strategy, "base", None) or getattr(strategy, "of", None)
    used = [type(one).__name__ for one in (strategy, inner) if one is not None]
    method = [work for name in used for work in _METHODS.get(name, ())]
    forms = [
        type(one.sides.adaptor).__name__ for one in (strategy, inner) if isinstance(one, RETune)
    ]
    method += [work for form in forms for work in _ADAPTORS.get(form, ())]
    plan = getattr(recipe.plan, "of", recipe.plan)
    scenario = _SCENARIOS.get(type(plan).__name__, ())
    encoders = (card.citation for card in cards if card.citation)
    return tuple(dict.fromkeys([*method, *scenario, *encoders, *_ALWAYS]))
