"""The encoders that come with carina, one family a file; importing this registers them."""

from carina.encoders.families import efficientnet as efficientnet
from carina.encoders.families import minilm as minilm
from carina.encoders.families import mobilenet as mobilenet
from carina.encoders.families import toy as toy
