"""What adaptors are trained for: pure functions of scores and labels."""

from carina.objectives.classification import masked_bce as masked_bce
from carina.objectives.contrastive import belonging as belonging
from carina.objectives.contrastive import info_nce as info_nce
from carina.objectives.contrastive import sigmoid_loss as sigmoid_loss
from carina.objectives.contrastive import softened as softened
from carina.objectives.distillation import distilled_bce as distilled_bce
from carina.objectives.segmentation import dice_loss as dice_loss
from carina.objectives.segmentation import focal_dice as focal_dice
from carina.objectives.segmentation import focal_loss as focal_loss
