"""Ways to learn, one a file."""

from carina.learning.strategies.anacp import AnaCP as AnaCP
from carina.learning.strategies.averaged import Averaged as Averaged
from carina.learning.strategies.cumulative import Cumulative as Cumulative
from carina.learning.strategies.ewc import EWC as EWC
from carina.learning.strategies.gpm import GPM as GPM
from carina.learning.strategies.heads import Heads as Heads
from carina.learning.strategies.klda import KLDA as KLDA
from carina.learning.strategies.l2 import L2 as L2
from carina.learning.strategies.l2 import Anchor as Anchor
from carina.learning.strategies.l3a import L3A as L3A
from carina.learning.strategies.lwf import LwF as LwF
from carina.learning.strategies.pseudo_labels import PseudoLabels as PseudoLabels
from carina.learning.strategies.ranpac import RanPAC as RanPAC
from carina.learning.strategies.rclp import RCLP as RCLP
from carina.learning.strategies.replay import Replay as Replay
from carina.learning.strategies.retune import Optimiser as Optimiser
from carina.learning.strategies.retune import Precision as Precision
from carina.learning.strategies.retune import RETune as RETune
from carina.learning.strategies.retune import Schedule as Schedule
from carina.learning.strategies.ridge import Ridge as Ridge
from carina.learning.strategies.si import SI as SI
from carina.learning.strategies.slca import SLCA as SLCA
from carina.learning.strategies.slda import SLDA as SLDA
from carina.learning.strategies.text_probe import TextProbe as TextProbe
from carina.learning.strategies.tip_adapter import TipAdapter as TipAdapter
from carina.learning.strategies.weight_reset import Every as Every
from carina.learning.strategies.weight_reset import WeightReset as WeightReset
from carina.learning.strategies.zero_shot import ZeroShot as ZeroShot

StrategyConfig = (
    ZeroShot
    | RETune
    | WeightReset
    | LwF
    | PseudoLabels
    | Averaged
    | L2
    | EWC
    | SI
    | GPM
    | SLCA
    | Replay
    | RCLP
    | Cumulative
    | Heads
    | Ridge
    | RanPAC
    | KLDA
    | SLDA
    | AnaCP
    | L3A
    | TextProbe
    | TipAdapter
)
"""Every built-in strategy; its class name is its ``kind`` in JSON and TOML."""
