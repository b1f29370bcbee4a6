import cmath
import math
import statistics
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate, chain
import random
import time

log = math.log


class Meter:
    def __init__(self, values):
        self.values = list(values)
        self.started = time.monotonic()

    def report(self):
        mean = statistics.fmean(self.values)
        return {
            "log": math.log(mean), "phase": cmath.phase(1j), "exact": Decimal("0.1") + 1, "half": Fraction(1, 2),
            "sums": list(accumulate(chain(self.values, [1]))), "pick": random.choice(self.values),
            "age": time.monotonic() - self.started,
        }
