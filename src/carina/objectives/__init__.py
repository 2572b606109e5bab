"""What adaptors are trained for: pure functions of scores and labels."""

from carina.objectives.classification import masked_bce as masked_bce
from carina.objectives.distillation import distilled_bce as distilled_bce
from carina.objectives.segmentation import dice_loss as dice_loss
from carina.objectives.segmentation import focal_dice as focal_dice
from carina.objectives.segmentation import focal_loss as focal_loss
