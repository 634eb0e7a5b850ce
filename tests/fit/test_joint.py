import pytest
import torch

from ungrid.domain.box import Box
from ungrid.encodings.identity import Identity
from ungrid.errors import InputError
from ungrid.fields.encoded import EncodedField
from ungrid.fields.record import Recipe
from ungrid.fit.joint import Joint, OfMember, last_layer, strainer
from ungrid.networks.mlp import Mlp
from ungrid.networks.siren import Siren
from ungrid.signals.image import from_array
from ungrid.tasks.represent import represent


def a_field(network=None):
    network = network or Siren(2, 1, 8, depth=2)
    field = EncodedField(Box(("y", "x"), ((0.0, 8.0), (0.0, 8.0))), Identity(2), network)
    field.recipe = Recipe(learning_rate=1e-2)
    return field


def flat(gray):
    return represent(from_array(torch.full((8, 8), gray)), heldout=0.0)


def test_members_share_all_weights_but_those_of_the_last_layer():
    joint = Joint(a_field(), 3, "network.layers.2.")
    own, shared = {}, {}
    for member in joint.members:
        for name, parameter in member.named_parameters():
            (own if name.startswith("network.layers.2.") else shared).setdefault(name, set()).add(id(parameter))
    assert {len(ids) for ids in shared.values()} == {1}
    assert {len(ids) for ids in own.values()} == {3}
    assert sum(p.numel() for p in joint.parameters()) == 2 * 8 + 8 + 8 * 8 + 8 + 3 * (8 + 1)


def test_a_joint_field_is_its_first_member_and_counts_one_at_a_time():
    field = a_field()
    joint = Joint(field, 2, last_layer(field))
    coords = torch.rand(4, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(joint.values_at(coords), field.values_at(coords))
    assert joint.width_sum() == field.width_sum()


def test_the_shared_layers_move_and_the_last_one_is_put_back():
    field = a_field()
    before = {name: parameter.detach().clone() for name, parameter in field.named_parameters()}
    state = strainer(field, [flat(0.2), flat(0.9)], steps=5)
    assert state.step == 5
    for name, parameter in field.named_parameters():
        assert torch.equal(parameter, before[name]) == name.startswith("network.layers.2.")


def test_each_member_learns_its_own_signal():
    field = a_field()
    last = last_layer(field)
    joint = Joint(field, 2, last)
    terms = [OfMember(index, problem.terms[0]) for index, problem in enumerate([flat(0.2), flat(0.9)])]
    assert [term.name for term in terms] == ["misfit_0", "misfit_1"]
    assert terms[0].weight(0.5) == 1.0
    optimizer = torch.optim.Adam(joint.parameters(), lr=1e-2)
    rng = torch.Generator().manual_seed(0)
    for _ in range(60):
        optimizer.zero_grad()
        sum(term(joint, term.sample(rng, joint, None)) for term in terms).backward()
        optimizer.step()
    grays = [float(member(torch.full((1, 2), 4.5)).detach()) for member in joint.members]
    assert grays == pytest.approx([0.2, 0.9], abs=0.1)


def test_a_field_of_one_layer_has_nothing_to_share():
    with pytest.raises(InputError, match="fewer than two layers"):
        strainer(a_field(Mlp(2, 1, depth=0)), [flat(0.1), flat(0.2)], steps=1)
