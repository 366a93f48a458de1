"""Names as exporters decorate them: with scopes and the number of an output."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omz.errors import EngineError
from omz.matting.resolution import resolve
from omz.matting.roles import NO_DESCRIPTION, NOTHING_SAID, PLATES, bare_name
from omz.runtime.engine import TensorInfo

SCOPE = st.sampled_from(["", "net/", "a/b/", "/x/", "with space/"])
NUMBER = st.sampled_from(["", ":0", ":12"])


def tensor(name: str, channels: int = 3) -> TensorInfo:
    return TensorInfo(name, (1, channels, 64, 64), bounds=(0.0, 1.0), aliases=frozenset({name}))


@given(SCOPE, NUMBER, st.sampled_from(PLATES), st.sampled_from(["pha", "alpha"]))
def test_roles_are_known_by_the_last_part_of_a_name(scope, number, plate, alpha):
    names = [f"{scope}{name}{number}" for name in ("image", plate, alpha, "fgr")]
    inputs = [tensor(names[0]), tensor(names[1])]
    roles = resolve(inputs, [tensor(names[2], 1), tensor(names[3])], NO_DESCRIPTION, NOTHING_SAID)
    assert (roles.picture, roles.plate, roles.alpha.name) == tuple(names[:3])
    assert roles.foreground is not None
    assert roles.foreground.name == names[3]


def test_two_tensors_of_one_name_in_two_scopes_are_not_told_apart_by_chance():
    inputs, outputs = [tensor("src")], [tensor("coarse/pha", 1), tensor("fine/pha", 1)]
    with pytest.raises(EngineError, match="more than one output can be alpha"):
        resolve(inputs, outputs, NO_DESCRIPTION, NOTHING_SAID)


def test_the_exact_name_comes_first():
    roles = resolve([tensor("src")], [tensor("x/pha", 1), tensor("pha", 1)], NO_DESCRIPTION, NOTHING_SAID)
    assert roles.alpha.name == "pha"


@pytest.mark.parametrize(("name", "bare"), [("net/bgr:0", "bgr"), ("a:b", "a:b"), ("/", "/"), ("", ""), ("x/", "x/")])
def test_bare_names(name, bare):
    assert bare_name(name) == bare
