"""The contract: MLflow's `ModelSignature`, written by hand, inferred, enforced and fingerprinted. Pure: no files, no network."""

from modelpact.signature.digest import digest
from modelpact.signature.enforce import Enforcer, compile
from modelpact.signature.generate import Break, breaks
from modelpact.signature.hints import from_predict
from modelpact.signature.infer import infer
from modelpact.signature.spec import parse

__all__ = ["Break", "Enforcer", "breaks", "compile", "digest", "from_predict", "infer", "parse"]
