// The selected node: all that is known of it, its neighbors, and the way that led here.

const LISTED = 24; // neighbors that are listed
const VISITED = 6;

function makeDetails(model, state, select) {
  const panel = document.getElementById("details");
  const visited = [];
  let drawnFor = -2;

  function draw() {
    const row = state.selected;
    if (row === drawnFor) return;
    drawnFor = row;
    panel.innerHTML = row < 0 ? start() : node(row);
    panel.scrollTop = 0;
  }

  function start() {
    const notes = [];
    if (model.header.leftOut) {
      const have = model.header.leftOut === 1 ? "has" : "have";
      notes.push(`${plural(model.header.leftOut, "node")} without a multiplier (integers, masks, constants) ${have} no row.`);
    }
    if (model.header.complex) notes.push("Complex numbers are shown by their magnitudes.");
    notes.push(...model.header.notes);
    return `<p class="empty">Each row and column is a step <i>z</i> of the program; a square is the derivative of the column's step by the row's. `
      + `Select one to see what it reads and what reads it, or play the solve below.</p>`
      + `<div class="neighbors">${list("Arguments", ends(model.isArgument), ends(model.isArgument, Infinity).length)
      }${list("Outputs", Array.from(model.seeds.subarray(0, LISTED)), model.seeds.length)}</div>`
      + (notes.length ? `<ul class="notes">${notes.map((note) => `<li>${escaped(note)}</li>`).join("")}</ul>` : "");
  }

  function ends(marks, most = LISTED) {
    const found = [];
    for (let r = 0; r < model.rows && found.length < most; r++) if (marks[r]) found.push(r);
    return found;
  }

  function node(row) {
    const at = visited.indexOf(row);
    if (at >= 0) visited.splice(at, 1);
    visited.push(row);
    if (visited.length > VISITED) visited.shift();
    const reads = model.columnStart[row + 1] - model.columnStart[row], readers = model.rowStart[row + 1] - model.rowStart[row];
    return `${trail(row)}${nodeWords(model, row, false)}<div class="neighbors">${
      list("Reads", predecessors(model, row, LISTED), reads, (r) => blockAt(model, r, row))}${
      list("Is read by", successors(model, row, LISTED), readers, (r) => blockAt(model, row, r))}</div>`;
  }

  // The nodes that were selected before, the last ones.
  function trail(row) {
    if (visited.length < 2) return "";
    const steps = visited.map((r) => {
      const mark = r === row ? ` aria-current="true"` : "";
      return `<button type="button" data-row="${r}"${mark}>z<sub>${model.node[r]}</sub></button>`;
    });
    return `<nav class="trail" aria-label="Nodes visited">${steps.join(`<span aria-hidden="true">›</span>`)}</nav>`;
  }

  // Buttons for rows, each with the color of the block between them and the selected one.
  function list(heading, rows, all, block) {
    if (!rows.length) return "";
    const swatch = (r) => (block ? `<span class="swatch" style="--swatch: var(--family-${familyOf(model, block(r))})"></span>` : "");
    const buttons = rows.map((r) => `<li><button type="button" data-row="${r}">${swatch(r)}`
      + `<span class="label">${titleHtml(model, r)}</span></button></li>`);
    if (all > rows.length) buttons.push(`<li class="more">and ${count(all - rows.length)} more</li>`);
    return `<h3>${heading}</h3><ul>${buttons.join("")}</ul>`;
  }

  panel.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-row]");
    if (button) select(Number(button.dataset.row), { show: true });
  });
  return { draw };
}
