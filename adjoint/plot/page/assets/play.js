// The solve as steps: what is known after each, what it has cost, and the clock that goes from one to the next.

function makeStrategies(model) {
  const rows = model.rows;
  const found = [];
  const backward = Uint32Array.from({ length: rows }, (_, i) => rows - 1 - i);
  const onward = Uint32Array.from({ length: rows }, (_, i) => i);
  found.push(sweep(model, "back", "Back substitution", "multiplier", backward, singles(rows)));
  found.push(sweep(model, "levels", "Back substitution by levels", "multiplier", ...levelSteps(model)));
  found.push(sweep(model, "forward", "Forward substitution (tangents)", "tangent", onward, singles(rows)));
  model.header.eliminations.forEach(([name, multiplications], i) => {
    const order = model[`order${i}`];
    const strategy = sweep(model, `eliminate-${name}`, `Elimination: ${name}`, "elimination", order, singles(order.length));
    const work = new Float64Array(order.length + 1);
    work.set(model[`order${i}Work`], 1);
    found.push({ ...strategy, work, multiplications, at: model[`order${i}Step`], rows: model[`order${i}Row`], columns: model[`order${i}Column`] });
  });
  return found;
}

// Steps over `sequence`, step s taking the rows from begin[s - 1] to begin[s]; `rank` is the step that a row is done in.
function sweep(model, id, title, kind, sequence, begin) {
  const steps = begin.length - 1;
  const rank = new Uint32Array(model.rows).fill(0xffffffff);
  const cost = new Float64Array(model.rows);
  for (let b = 0; b < model.blocks; b++) cost[kind === "tangent" ? model.column[b] : model.row[b]] += model.blockFlops[b];
  const work = new Float64Array(steps + 1);
  for (let s = 1; s <= steps; s++) {
    work[s] = work[s - 1];
    for (let i = begin[s - 1]; i < begin[s]; i++) {
      rank[sequence[i]] = s;
      work[s] += cost[sequence[i]];
    }
  }
  return { id, title, kind, sequence, begin, steps, rank, work, multiplications: work[steps] };
}

function singles(count) {
  return Uint32Array.from({ length: count + 1 }, (_, i) => i);
}

function levelSteps(model) {
  const sequence = byLevel(model).reverse();
  const begin = [0];
  for (let i = 1; i <= sequence.length; i++) {
    if (i === sequence.length || model.level[sequence[i]] !== model.level[sequence[i - 1]]) begin.push(i);
  }
  return [sequence, Uint32Array.from(begin)];
}

function makePlay(model, changed) {
  const strategies = makeStrategies(model);
  const play = { strategies, strategy: strategies[0], step: strategies[0].steps, isPlaying: false, rate: 1 };
  let clock = 0, credit = 0;

  play.choose = (strategy) => {
    play.pause();
    play.strategy = strategy;
    play.step = strategy.kind === "elimination" ? 0 : strategy.steps;
    play.rate = Math.min(play.fastest(), Math.max(1.5, strategy.steps / 20));
    changed();
  };
  play.fastest = () => Math.max(60, play.strategy.steps / 2);
  play.go = (step) => {
    play.step = Math.max(0, Math.min(play.strategy.steps, step));
    changed();
  };
  play.start = () => {
    if (play.step === play.strategy.steps) play.step = 0;
    play.isPlaying = true;
    clock = performance.now();
    credit = 0;
    requestAnimationFrame(tick);
    changed();
  };
  play.pause = () => {
    play.isPlaying = false;
    changed();
  };
  function tick(now) {
    if (!play.isPlaying) return;
    credit += (Math.max(0, now - clock) / 1000) * play.rate;
    clock = now;
    if (credit >= 1) {
      play.step = Math.min(play.strategy.steps, play.step + Math.floor(credit));
      credit %= 1;
      if (play.step === play.strategy.steps) play.isPlaying = false;
      changed();
    }
    if (play.isPlaying) requestAnimationFrame(tick);
  }

  play.isElimination = () => play.strategy.kind === "elimination";
  play.symbolName = () => (play.strategy.kind === "tangent" ? "tangent" : "multiplier");
  play.isMidway = () => play.step < play.strategy.steps || (play.isElimination() && play.step > 0);
  play.isKnown = (row) => (play.isElimination() ? false : play.strategy.rank[row] <= play.step);
  play.isGone = (row) => play.isElimination() && play.strategy.rank[row] <= play.step;
  // What is drawn faintly: blocks by the rows or the columns that are marked.
  const faint = new Uint8Array(model.rows);
  play.fading = () => {
    const { rank, kind } = play.strategy;
    const step = play.step;
    if (kind === "elimination") {
      for (let r = 0; r < faint.length; r++) faint[r] = rank[r] <= step ? 1 : 0;
      return { faint, byRow: true, byColumn: true, only: -1 };
    }
    for (let r = 0; r < faint.length; r++) faint[r] = rank[r] > step ? 1 : 0;
    return { faint, byRow: kind !== "tangent", byColumn: kind === "tangent", only: -1 };
  };
  // The rows that the last step was about, if they are few.
  play.current = (most) => {
    const { sequence, begin, steps } = play.strategy;
    if (play.step === 0 || (play.step === steps && !play.isElimination())) return [];
    const rows = sequence.subarray(begin[play.step - 1], begin[play.step]);
    return rows.length > most ? [] : Array.from(rows);
  };
  play.rowsOfStep = () => (play.step ? play.strategy.sequence.subarray(play.strategy.begin[play.step - 1], play.strategy.begin[play.step]) : []);
  // How many blocks have been created so far: their steps ascend.
  play.fillCount = (step = play.step) => {
    const at = play.strategy.at;
    if (!at) return 0;
    let low = 0, high = at.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (at[middle] < step) low = middle + 1; else high = middle;
    }
    return low;
  };
  // The blocks created so far; those from `fresh` on by the last step.
  play.created = () => {
    const { rows, columns } = play.strategy;
    return rows ? { rows, columns, count: play.fillCount(), fresh: play.fillCount(play.step - 1) } : null;
  };
  play.rate = Math.max(1.5, play.strategy.steps / 20);
  return play;
}
