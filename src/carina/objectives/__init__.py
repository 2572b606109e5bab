"""What adaptors are trained for: pure functions of scores and labels."""

from carina.objectives.classification import masked_bce as masked_bce
