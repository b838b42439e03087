"""What operators allow of validation, as a gate takes it, and what of it each worker has."""

from triphase_server.core.limits import Concurrency
from triphase_server.core.validation import ValidationPolicy


def test_it_is_a_limit_as_others_are() -> None:
    policy = ValidationPolicy(max_concurrency=3, max_queue=5, max_wait_s=1.0)
    assert policy.concurrency == Concurrency(max_concurrency=3, max_queue=5, max_wait_s=1.0)


def test_a_worker_has_its_share_and_all_else_as_it_is() -> None:
    policy = ValidationPolicy(roots=("/models",), max_concurrency=3, max_queue=5, max_s=7.0)
    own = ValidationPolicy(roots=("/models",), max_concurrency=1, max_queue=2, max_s=7.0)
    assert policy.share(1, workers=2) == own
