"""The Merkle tree: Certificate Transparency's vectors, every proof good, every changed proof refused."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.crypto.ledger import ProofError
from security.crypto.ledger.merkle import (
    EMPTY_ROOT,
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root,
    verify_consistency,
    verify_inclusion,
)
from tests.security.crypto.fakes import every_bit_flipped

# The test data of the Certificate Transparency reference implementation (merkletree tests).
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"
    )
]  # fmt: skip
CT_ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
CT_INCLUSION = {
    (0, 8): (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (5, 8): (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 3): ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",),
}
CT_CONSISTENCY = {
    (1, 1): (),
    (1, 8): CT_INCLUSION[0, 8],
    (6, 8): (
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (2, 5): (
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
}
SIZES = st.integers(min_value=1, max_value=70)


def tree_of(size: int) -> Tree:
    return Tree([leaf_hash(b"%d" % number) for number in range(size)])


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, section 2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + by_definition(leaves[:k]) + by_definition(leaves[k:])).digest()


def test_the_published_roots() -> None:
    tree = Tree()
    assert tree.root().hex() == CT_ROOTS[0] == EMPTY_ROOT.hex()
    for leaf, expected in zip(CT_LEAVES, CT_ROOTS[1:], strict=True):
        tree.append(leaf_hash(leaf))
        assert tree.root().hex() == expected
    assert [root(size, tree.node).hex() for size in range(9)] == list(CT_ROOTS)


@pytest.mark.parametrize(("where", "expected"), CT_INCLUSION.items())
def test_the_published_inclusion_proofs(where: tuple[int, int], expected: tuple[str, ...]) -> None:
    tree = Tree([leaf_hash(leaf) for leaf in CT_LEAVES])
    assert tuple(step.hex() for step in inclusion_proof(*where, tree.node)) == expected


@pytest.mark.parametrize(("sizes", "expected"), CT_CONSISTENCY.items())
def test_the_published_consistency_proofs(sizes: tuple[int, int], expected: tuple[str, ...]) -> None:
    tree = Tree([leaf_hash(leaf) for leaf in CT_LEAVES])
    assert tuple(step.hex() for step in consistency_proof(*sizes, tree.node)) == expected


@given(st.lists(st.binary(max_size=8), max_size=40))
def test_a_root_is_that_of_the_definition(leaves: list[bytes]) -> None:
    assert Tree([leaf_hash(leaf) for leaf in leaves]).root() == by_definition(leaves)


@given(SIZES, st.data())
def test_every_leaf_is_proved_and_at_no_other_place(size: int, data: st.DataObject) -> None:
    tree = tree_of(size)
    index = data.draw(st.integers(0, size - 1))
    proof, leaf = inclusion_proof(index, size, tree.node), tree.node(0, index)
    verify_inclusion(leaf, index, size, proof, tree.root())
    for other in {index - 1, index + 1, data.draw(st.integers(0, size - 1)), size} - {index}:
        with pytest.raises(ProofError):
            verify_inclusion(leaf, other, size, proof, tree.root())


@given(SIZES, st.data())
def test_every_tree_is_the_beginning_of_every_later_one(second: int, data: st.DataObject) -> None:
    tree = tree_of(second)
    first = data.draw(st.integers(0, second))
    proof = consistency_proof(first, second, tree.node)
    verify_consistency(first, second, root(first, tree.node), tree.root(), proof)
    if first:
        with pytest.raises(ProofError):  # another history of the same length
            verify_consistency(first, second, leaf_hash(b"other"), tree.root(), proof)
        with pytest.raises(ProofError):
            verify_consistency(first, second, root(first, tree.node), leaf_hash(b"other"), proof)
    with pytest.raises(ProofError):
        verify_consistency(second + 1, second, tree.root(), tree.root(), proof)


@pytest.mark.parametrize("size", range(2, 14))
def test_every_bit_of_an_inclusion_proof_counts(size: int) -> None:
    tree = tree_of(size)
    proof = inclusion_proof(size // 2, size, tree.node)
    leaf = tree.node(0, size // 2)
    for place in range(len(proof)):
        for changed in every_bit_flipped(proof[place]):
            with pytest.raises(ProofError):
                verify_inclusion(
                    leaf, size // 2, size, (*proof[:place], changed, *proof[place + 1 :]), tree.root()
                )


@pytest.mark.parametrize(("first", "second"), [(1, 2), (3, 7), (4, 8), (6, 8), (5, 13)])
def test_every_bit_of_a_consistency_proof_counts(first: int, second: int) -> None:
    tree = tree_of(second)
    proof, roots = consistency_proof(first, second, tree.node), (root(first, tree.node), tree.root())
    for place in range(len(proof)):
        for changed in every_bit_flipped(proof[place]):
            with pytest.raises(ProofError):
                verify_consistency(first, second, *roots, (*proof[:place], changed, *proof[place + 1 :]))


@given(SIZES, st.data())
def test_a_longer_or_shorter_proof_is_refused(size: int, data: st.DataObject) -> None:
    tree = tree_of(size)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, tree.node)
    wrong = [(*proof, EMPTY_ROOT), (EMPTY_ROOT, *proof)] + ([proof[:-1], proof[1:]] if proof else [])
    for other in wrong:
        with pytest.raises(ProofError):
            verify_inclusion(tree.node(0, index), index, size, other, tree.root())
    first = data.draw(st.integers(1, size))
    growth = consistency_proof(first, size, tree.node)
    for other in [(*growth, EMPTY_ROOT)] + ([growth[:-1], growth[1:]] if growth else []):
        with pytest.raises(ProofError):
            verify_consistency(first, size, root(first, tree.node), tree.root(), other)


def test_an_inner_node_is_no_leaf() -> None:
    tree = tree_of(4)
    pair = tree.node(0, 0) + tree.node(0, 1)
    with pytest.raises(ProofError):
        verify_inclusion(leaf_hash(pair), 0, 2, (tree.node(1, 1),), tree.root())


def test_hashes_of_another_length_are_refused() -> None:
    tree = tree_of(2)
    with pytest.raises(ProofError, match="32 bytes"):
        verify_inclusion(tree.node(0, 0), 0, 2, (tree.node(0, 1) + b"x",), tree.root())
    with pytest.raises(ProofError, match="32 bytes"):
        verify_consistency(1, 2, tree.node(0, 0), tree.root()[:-1], (tree.node(0, 1),))


def test_what_is_not_there_can_not_be_proved() -> None:
    tree = tree_of(3)
    for index, size in ((3, 3), (-1, 3), (0, 0)):
        with pytest.raises(ProofError):
            inclusion_proof(index, size, tree.node)
    with pytest.raises(ProofError):
        consistency_proof(3, 2, tree.node)
    with pytest.raises(ValueError, match="negative"):
        root(-1, tree.node)
    with pytest.raises(ProofError):
        verify_consistency(0, 3, tree.root(), tree.root(), ())
