import torch

from ungrid.signals.topology import components, topology
from ungrid.testing.surfaces import sphere, torus


def test_a_sphere_and_a_torus_have_their_euler_numbers_and_are_closed():
    for shape, euler in ((sphere(6), 2), (torus(16), 0)):
        found = topology(shape.faces)
        assert (found.euler, found.watertight, found.manifold, found.n_components) == (euler, True, True, 1)
        assert found.n_open_edges == found.n_crowded_edges == found.n_flipped_edges == 0


def test_a_hole_has_a_rim():
    found = topology(sphere(6).faces[1:])
    assert (found.n_open_edges, found.watertight, found.manifold, found.euler) == (3, False, True, 1)


def test_a_triangle_that_is_turned_has_three_flipped_edges():
    faces = sphere(6).faces.clone()
    faces[0] = faces[0].flip(0)
    found = topology(faces)
    assert (found.n_flipped_edges, found.watertight) == (3, False)


def test_two_pieces_that_touch_in_a_vertex_are_one_component_and_not_manifold():
    tetrahedron = torch.tensor([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    touching = torch.where(tetrahedron == 0, 0, tetrahedron + 3)
    found = topology(torch.cat([tetrahedron, touching]))
    assert (found.n_components, found.watertight, found.manifold) == (1, True, False)
    apart = topology(torch.cat([tetrahedron, tetrahedron + 4]))
    assert (apart.n_components, apart.manifold, apart.euler) == (2, True, 4)


def test_a_third_triangle_at_an_edge_crowds_it():
    found = topology(torch.tensor([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3], [0, 1, 4]]))
    assert (found.n_crowded_edges, found.manifold, found.watertight) == (1, False, False)


def test_components_are_labeled_by_their_least_member():
    links = torch.tensor([[5, 4], [4, 3], [1, 0], [7, 3]])
    assert components(9, links).tolist() == [0, 0, 2, 3, 3, 3, 6, 3, 8]


def test_vertices_that_no_triangle_uses_do_not_count():
    found = topology(sphere(4).faces + 10)
    assert found.euler == 2
    assert found.n_vertices == len(sphere(4).vertices)
