// Orders of the rows: of the program, by level, and of each elimination.

function makeArrangements(model) {
  const program = Uint32Array.from({ length: model.rows }, (_, r) => r);
  const found = [{ id: "program", title: "in the order of the program", sequence: () => program }];
  found.push({ id: "levels", title: "by level", sequence: () => byLevel(model) });
  model.header.eliminations.forEach(([name], i) => {
    found.push({ id: `eliminate-${name}`, title: `as eliminated: ${name}`, sequence: () => asEliminated(model, model[`order${i}`]) });
  });
  return found;
}

// Rows sorted by their levels; those of one level stay in the order of the program.
function byLevel(model) {
  const depth = model.header.depth;
  const next = new Uint32Array(depth + 2);
  for (let r = 0; r < model.rows; r++) next[model.level[r] + 1]++;
  for (let level = 0; level <= depth; level++) next[level + 1] += next[level];
  const sequence = new Uint32Array(model.rows);
  for (let r = 0; r < model.rows; r++) sequence[next[model.level[r]]++] = r;
  return sequence;
}

// What is eliminated comes first; arguments and outputs, which stay, follow.
function asEliminated(model, order) {
  const isGone = new Uint8Array(model.rows);
  for (const r of order) isGone[r] = 1;
  const sequence = new Uint32Array(model.rows);
  sequence.set(order);
  let next = order.length;
  for (let r = 0; r < model.rows; r++) if (!isGone[r]) sequence[next++] = r;
  return sequence;
}
