from .json import loads
from ..re.a import b
