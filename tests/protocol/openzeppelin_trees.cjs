// Reads [{types, values}] on stdin; writes [{root, proofs}] as OpenZeppelin's own library computes them.
const { StandardMerkleTree } = require("@openzeppelin/merkle-tree");
const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
const answers = input.map(({ types, values }) => {
  const tree = StandardMerkleTree.of(values, types);
  return { root: tree.root, proofs: values.map((_, i) => tree.getProof(i)), hashes: values.map((v) => tree.leafHash(v)) };
});
process.stdout.write(JSON.stringify(answers));
