"""The collector rests while objects are read, and works again afterwards."""

from __future__ import annotations

import gc

import pytest

from nrr_pipeline.garbage import without_collecting


def fail_without_collecting() -> None:
    with without_collecting():
        assert not gc.isenabled()
        raise LookupError


def test_the_collector_rests_and_works_again_even_after_an_error() -> None:
    assert gc.isenabled()
    with pytest.raises(LookupError):
        fail_without_collecting()
    assert gc.isenabled()


def test_one_rest_within_another_does_not_end_it() -> None:
    with without_collecting():
        with without_collecting():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
