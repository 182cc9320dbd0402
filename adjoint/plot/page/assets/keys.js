// The keyboard, and the overlay that explains it.

const KEYS = [
  ["← ↑ → ↓", "move the selected node; with nothing selected, or with shift, pan"],
  ["+ −", "zoom"],
  ["0", "the whole matrix"],
  ["space", "play or pause"],
  ["← →", "one step back or forward while a play is under way"],
  ["/", "find a node by number, name or operation"],
  ["o", "next order of the rows"],
  ["t", "light or dark"],
  ["Esc", "close, stop, deselect"],
  ["?", "this page"],
];

const READING = [
  ["A λ = −s", "The matrix, the multipliers and the seed. The row and the column of a step stand for the same z."],
  ["squares", "A[i, k] is the transposed derivative of step k by step i, for each step k that reads step i. "
    + "The diagonal is −I, or −D of an implicit constraint."],
  ["bands", "Steps of one level do not depend on each other."],
  ["λ", "The derivative of the result by that step; the stronger the color, the larger, on a logarithmic scale."],
];

function makeHelp() {
  const dialog = document.getElementById("help-dialog");
  const line = ([a, b]) => `<tr><td><kbd>${escaped(a)}</kbd></td><td>${escaped(b)}</td></tr>`;
  const table = (rows) => `<table><tbody>${rows.map(line).join("")}</tbody></table>`;
  dialog.innerHTML = `<h2 id="help-title">What is shown</h2>${table(READING)}<h2>Keys</h2>${table(KEYS)}`
    + `<p>Drag to pan; wheel or pinch to zoom; double-click to zoom in. In the order of an elimination the matrix need not be `
    + `upper triangular, but it is the same system.</p>`
    + `<form method="dialog"><button>Close</button></form>`;
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  return dialog;
}

function listenToKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target;
    if (document.querySelector("dialog[open]")) return;
    const isField = target.matches("input, select, textarea");
    if (isField && event.key !== "Escape") return;
    if (event.key === " " && target.matches("button, [role=button]")) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action(event);
  });
}
