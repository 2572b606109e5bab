"""Learning from one experience after another: strategies, and the learners they hand on."""

from carina.learning.checkpoint import load_learner as load_learner
from carina.learning.checkpoint import load_setting as load_setting
from carina.learning.checkpoint import save_learner as save_learner
from carina.learning.checkpoint import save_setting as save_setting
from carina.learning.follow import begin as begin
from carina.learning.follow import follow as follow
from carina.learning.follow import learn_one as learn_one
from carina.learning.kept import Kept as Kept
from carina.learning.kept import kept as kept
from carina.learning.learner import Event as Event
from carina.learning.learner import Learned as Learned
from carina.learning.learner import Learner as Learner
from carina.learning.learner import Setting as Setting
from carina.learning.learner import Step as Step
from carina.learning.learner import Strategy as Strategy
from carina.learning.strategies import Heads as Heads
from carina.learning.strategies import Optimiser as Optimiser
from carina.learning.strategies import RETune as RETune
from carina.learning.strategies import Ridge as Ridge
from carina.learning.strategies import Scaling as Scaling
from carina.learning.strategies import StrategyConfig as StrategyConfig
from carina.learning.strategies import ZeroShot as ZeroShot
from carina.learning.strategies.sums import Sums as Sums
from carina.learning.strategies.sums import add as add
from carina.learning.strategies.sums import subtract as subtract
from carina.learning.strategies.sums import sums_of as sums_of
