"""What adaptors are trained for: pure functions of scores and labels."""

from carina.objectives.classification import masked_bce as masked_bce
from carina.objectives.distillation import distilled_bce as distilled_bce
