// The equation of the step that was taken, in symbols, and for scalars with its numbers.

const TERMS = 4;

function equationOf(model, play) {
  const rows = play.rowsOfStep();
  const { kind, id, steps } = play.strategy;
  if (kind === "elimination") return eliminationWords(model, play);
  const isTangent = kind === "tangent";
  if (play.step === 0) {
    return `<span class="words">${isTangent
      ? `Solve Aᵀ ż = −ẋ from the first column to the last; ${escaped(model.header.tangentSays)}.`
      : `Solve A λ = −s from the last row to the first; ${escaped(model.header.seedSays)}.`}</span>`;
  }
  if (id === "levels") return levelWords(model, play, rows);
  if (play.step === steps && !play.isStepped) {
    const last = isTangent ? "tangents" : "multipliers";
    const says = isTangent ? model.header.tangentSays : model.header.seedSays;
    return `<span class="words">Solved: all ${count(model.rows)} ${last} are known. ${escaped(says)}.</span>`;
  }
  return sweepEquation(model, rows[0], isTangent);
}

// λ_i = s_i + Σ J[k, i]ᵀ λ_k, or ż_k = ẋ_k + Σ J[k, i] ż_i.
function sweepEquation(model, row, isTangent) {
  const name = isTangent ? "tangent" : "multiplier";
  const letter = isTangent ? "ż" : "λ";
  const n = (r) => model.node[r];
  const blocks = isTangent
    ? Array.from(model.inColumn.subarray(model.columnStart[row], model.columnStart[row + 1]))
    : Array.from({ length: model.rowStart[row + 1] - model.rowStart[row] }, (_, i) => model.rowStart[row] + i);
  const other = (b) => (isTangent ? model.row[b] : model.column[b]);
  const hasGiven = isTangent ? model.isArgument[row] : model.isSeed[row];
  const terms = hasGiven ? [`<i>${isTangent ? "ẋ" : "s"}</i><sub>${n(row)}</sub>`] : [];
  for (const b of blocks.slice(0, TERMS)) {
    const [child, parent] = isTangent ? [row, other(b)] : [other(b), row];
    terms.push(`<i>J</i><sub>${n(child)},${n(parent)}</sub>${isTangent ? "" : "<sup>T</sup>"} <i>${letter}</i><sub>${n(other(b))}</sub>`);
  }
  const more = blocks.length - TERMS;
  if (more > 0) terms.push(`<span class="words">${count(more)} more</span>`);
  const implicit = model.diagonalAt[row] >= 0 ? `<i>D</i><sub>${n(row)}</sub>${isTangent ? "" : "<sup>T</sup>"} ` : "";
  let html = `${implicit}<i>${letter}</i><sub>${n(row)}</sub> = ${terms.length ? terms.join(" + ") : "0"}`;
  if (!model[name] || model.header.complex) return html; // magnitudes do not add up
  const result = summaryOf(model, name, row);
  const areScalars = model.size[row] === 1 && blocks.slice(0, TERMS).every((b) => model.size[other(b)] === 1);
  const numbers = [];
  if (areScalars && more <= 0 && blocks.length && !implicit) {
    if (hasGiven) numbers.push(number(isTangent ? 1 : model.seedValue[model.seeds.indexOf(row)], 4));
    for (const b of blocks) numbers.push(`${number(model.largest[b], 4)} · ${factor(model[name][other(b)])}`);
  }
  html += `<span class="numbers">= ${numbers.length ? `${numbers.join(" + ")} = ` : ""}<span class="result">${escaped(result.text)}</span>`;
  if (!isTangent && model.columnStart[row + 1] > model.columnStart[row]) {
    const parents = predecessors(model, row, 3).map((r) => `z<sub>${n(r)}</sub>`).join(", ");
    const rest = model.columnStart[row + 1] - model.columnStart[row] - 3;
    html += `, passed on to ${parents}${rest > 0 ? ` and ${count(rest)} more` : ""}`;
  }
  return `${html}</span>`;
}

function factor(x) {
  return x < 0 ? `(${number(x, 4)})` : number(x, 4);
}

function levelWords(model, play, rows) {
  const shown = Array.from(rows.slice(0, 8), (r) => `<i>λ</i><sub>${model.node[r]}</sub>`).join(", ");
  const more = rows.length - 8;
  return `<span class="words">Level ${count(model.level[rows[0]])}: ${plural(rows.length, "multiplier")} at once, which do not depend on each other:</span> `
    + `${shown}${more > 0 ? ` <span class="words">and ${count(more)} more</span>` : ""}`;
}

function eliminationWords(model, play) {
  if (play.step === 0) {
    return `<span class="words">Eliminate the nodes between arguments and outputs: each connects all that it reads with all `
      + `that read it. What is left is the Jacobian.</span>`;
  }
  const row = play.rowsOfStep()[0];
  const first = play.fillCount(play.step - 1), last = play.fillCount();
  const { rows, columns } = play.strategy;
  const shown = [];
  for (let i = first; i < Math.min(last, first + TERMS); i++) shown.push(`<i>J</i><sub>${model.node[columns[i]]},${model.node[rows[i]]}</sub>`);
  const j = model.node[row];
  const made = last > first
    ? `creates ${plural(last - first, "block")}: ${shown.join(", ")}${last - first > TERMS ? ", …" : ""}`
    : "creates no block";
  return `<i>J</i><sub><i>k</i>,<i>i</i></sub> += <i>J</i><sub><i>k</i>,${j}</sub> <i>J</i><sub>${j},<i>i</i></sub>`
    + `<span class="numbers">eliminating ${titleHtml(model, row)} ${made}</span>`;
}
