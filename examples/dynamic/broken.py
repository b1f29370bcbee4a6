"""A module that cannot be imported."""

raise RuntimeError("the device is not there")
