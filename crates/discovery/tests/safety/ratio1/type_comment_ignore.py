import json  # type: ignore
f(  # type: ignore[x]
)
# type: ignore
x = [ # type: ignore-errors
]
