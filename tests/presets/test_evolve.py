import pytest
import torch
from torch.testing import assert_close

from ungrid.domain.grid import Grid
from ungrid.errors import InputError
from ungrid.presets.art import cppn, pattern_of, random_art
from ungrid.presets.evolve import crossover, latent_walk, mutate, next_generation
from ungrid.presets.published import siren
from ungrid.testing.toys import pixel_box


@pytest.fixture(scope="module")
def pair():
    return random_art(1, size=(32, 48), symmetry="none"), random_art(2, size=(32, 48), symmetry="mirror")


def drawn(field):
    return field.sample(Grid(field.box, (24, 36)))


def state_of(field):
    return {name: tensor.clone() for name, tensor in field.state_dict().items()}


def unchanged(field, before):
    return all(torch.equal(tensor, before[name]) for name, tensor in field.state_dict().items())


def test_no_mutation_is_a_copy(pair):
    copy = mutate(pair[0], 0.0, seed=5)
    assert copy is not pair[0]
    assert torch.equal(drawn(copy), drawn(pair[0]))


def test_the_larger_the_amount_the_farther_the_child(pair):
    distances = [float((drawn(mutate(pair[0], amount, seed=3)) - drawn(pair[0])).abs().mean()) for amount in (0.01, 0.1, 0.6)]
    assert distances == sorted(distances)
    assert distances[0] < 0.05 < distances[2]


def test_mutation_and_crossing_leave_the_parents_as_they_were_and_follow_the_seed(pair):
    before = [state_of(field) for field in pair]
    for child_of in (lambda seed: mutate(pair[0], 0.5, seed), lambda seed: crossover(*pair, seed)):
        first, again, other = child_of(1), child_of(1), child_of(2)
        assert torch.equal(drawn(first), drawn(again))
        assert not torch.equal(drawn(first), drawn(other))
    assert all(unchanged(field, state) for field, state in zip(pair, before, strict=True))


def test_strong_mutation_switches_the_functions_of_a_few_units():
    field = cppn(pixel_box(), 3, width=64, depth=5)
    units, changed = (
        [name for layer in pattern_of(some).drawn_units for name in layer] for some in (field, mutate(field, 1.0, seed=2))
    )
    switched = sum(mine != theirs for mine, theirs in zip(units, changed, strict=True)) / len(units)
    assert 0.02 < switched < 0.12
    assert set(changed) <= set(field.network.activations)


def test_any_field_can_be_mutated(unchecked_types):
    field = siren(pixel_box(), 3, width=8, depth=2)
    child = mutate(field, 0.2, seed=1)
    assert type(child) is type(field)
    assert not torch.equal(child([[3.0, 4.0]]), field([[3.0, 4.0]]))
    assert child.recipe == field.recipe


def test_a_units_function_weights_and_bias_come_from_one_parent_together(pair):
    child, (first, second) = pattern_of(crossover(*pair, seed=4)), map(pattern_of, pair)
    counts = [0, 0]
    for layer in range(child.depth):
        for unit in range(child.width):
            found = [
                torch.equal(child.layers[layer].weight[unit], parent.layers[layer].weight[unit])
                and torch.equal(child.layers[layer].bias[unit], parent.layers[layer].bias[unit])
                and child.drawn_units[layer][unit] == parent.drawn_units[layer][unit]
                for parent in (first, second)
            ]
            assert sum(found) == 1
            counts[found.index(True)] += 1
    assert counts[0] > counts[1] > 0


def test_palettes_are_inherited_whole(pair):
    seen = set()
    for seed in range(12):
        child = crossover(*pair, seed)
        same = [torch.equal(child.network.phase, parent.network.phase) for parent in pair]
        assert same == [torch.equal(child.network.amplitude, parent.network.amplitude) for parent in pair]
        assert sum(same) == 1
        seen.add(same.index(True))
        mirrors = [parent.encoding.mirror for parent in pair]
        latents = [torch.equal(child.encoding.latent, parent.encoding.latent) for parent in pair]
        assert child.encoding.mirror == mirrors[latents.index(True)]
    assert seen == {0, 1}


def test_only_networks_of_one_size_are_crossed(pair, unchecked_types):
    with pytest.raises(InputError, match="only two CPPNs of the same sizes"):
        crossover(pair[0], siren(pixel_box(), 3, width=4, depth=1))


def test_a_generation_begins_with_its_parents_and_goes_on_with_new_pictures(pair):
    generation = next_generation(list(pair), 6, amount=0.3, seed=9)
    assert generation[:2] == list(pair)
    pictures = [drawn(field) for field in generation]
    assert all(not torch.allclose(a, b, atol=1e-3) for i, a in enumerate(pictures) for b in pictures[:i])
    again = next_generation(list(pair), 6, amount=0.3, seed=9)
    assert all(torch.equal(drawn(a), drawn(b)) for a, b in zip(generation, again, strict=True))


@pytest.mark.parametrize(("n_parents", "count"), [(0, 3), (2, 1)])
def test_a_generation_needs_parents_and_room_for_them(pair, n_parents, count):
    with pytest.raises(InputError, match="expected at least one parent, and room for all"):
        next_generation(pair[:n_parents], count)


@pytest.mark.parametrize("amount", [-0.1, 1.5, float("nan")])
def test_an_amount_out_of_range_is_refused(pair, amount):
    with pytest.raises(InputError, match="expected 0"):
        mutate(pair[0], amount)


def test_a_walk_starts_at_the_field_closes_and_takes_equal_steps(pair):
    places = [place.encoding.latent for place in latent_walk(pair[0], 12, radius=0.3, seed=1)]
    assert len(places) == 12
    assert_close(places[0], pair[0].encoding.latent)
    steps = torch.stack([(places[i] - places[i - 1]).norm() for i in range(12)])  # the first is the one that closes the loop
    assert_close(steps, steps[:1].expand(12), rtol=1e-3, atol=0)
    across = (places[6] - places[0]).norm()
    assert_close(across.item(), 2 * 0.3 * len(places[0]) ** 0.5, rtol=1e-3, atol=0)


def test_neighbors_on_a_walk_look_alike_and_the_far_side_does_not(pair):
    pictures = [drawn(place) for place in latent_walk(pair[0], 40, seed=1)]
    near, far = ((pictures[i] - pictures[0]).abs().mean() for i in (1, 20))
    assert 0 < near < 0.3 * far


@pytest.mark.parametrize(
    ("options", "message"),
    [({"n_frames": 0}, "a walk of 0 frames"), ({"n_frames": 10**6}, "expected 1 to"), ({"radius": 0.0}, "radius is 0.0")],
)
def test_a_walk_out_of_range_is_refused(pair, options, message):
    with pytest.raises(InputError, match=message):
        latent_walk(pair[0], **{"n_frames": 4, **options})


def test_a_field_without_latent_space_cannot_walk(unchecked_types):
    with pytest.raises(InputError, match="no latent space to walk through"):
        latent_walk(siren(pixel_box(), 3, width=4, depth=1), 4)
