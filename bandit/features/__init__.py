"""Feature spec and encoding: DuckDB and Arrow in, C-contiguous float32 out."""

from bandit.features.encode import Encoded, Fault, encode
from bandit.features.fit import fit
from bandit.features.spec import Column, FeatureSpec

__all__ = ["Column", "Encoded", "Fault", "FeatureSpec", "encode", "fit"]
