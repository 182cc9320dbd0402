// Finding a node by its number, its name, or its operation.

const MOST_FOUND = 40;

function makeSearch(model, select) {
  const input = document.getElementById("search");
  const list = document.getElementById("found");
  let rows = [];
  let active = 0;

  function find(words) {
    const text = words.trim().toLowerCase();
    if (!text) return [];
    const found = new Set();
    const wanted = Number(text.replace(/^z_?/, ""));
    if (Number.isInteger(wanted)) {
      const row = rowOfNode(model, wanted);
      if (row >= 0) found.add(row);
    }
    const names = [...model.nameOf].filter(([, name]) => name.toLowerCase().includes(text));
    names.sort(([, a], [, b]) => b.toLowerCase().startsWith(text) - a.toLowerCase().startsWith(text));
    for (const [row] of names) if (found.size < MOST_FOUND) found.add(row);
    const matches = model.header.operations.map((name) => name.toLowerCase().includes(text));
    if (matches.includes(true)) {
      for (let row = 0; row < model.rows && found.size < MOST_FOUND; row++) if (matches[model.operation[row]]) found.add(row);
    }
    return [...found];
  }

  function draw() {
    const words = input.value;
    rows = find(words);
    active = 0;
    list.hidden = !words.trim();
    input.setAttribute("aria-expanded", String(!list.hidden));
    list.innerHTML = rows.length
      ? rows.map((row, i) => `<li role="option" id="found-${i}" data-row="${row}"><span class="number">z<sub>${model.node[row]}</sub></span>`
        + `<span class="what">${escaped(model.nameOf.get(row) ?? expression(model, row))}</span></li>`).join("")
        + (rows.length === MOST_FOUND ? `<li class="none">only the first ${MOST_FOUND} are listed</li>` : "")
      : `<li class="none">No node has this number, name or operation.</li>`;
    mark();
  }

  function mark() {
    [...list.querySelectorAll("[role=option]")].forEach((item, i) => {
      item.setAttribute("aria-selected", String(i === active));
      if (i === active) item.scrollIntoView({ block: "nearest" });
    });
    if (rows.length) input.setAttribute("aria-activedescendant", `found-${active}`);
    else input.removeAttribute("aria-activedescendant");
  }

  function close() {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
  }

  function take(row) {
    close();
    input.value = "";
    input.blur();
    select(row, { show: true, zoom: true });
  }

  input.addEventListener("input", draw);
  input.addEventListener("focus", () => { if (input.value) draw(); });
  input.addEventListener("blur", () => setTimeout(close, 150));
  input.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      active = (active + (event.key === "ArrowDown" ? 1 : -1) + rows.length) % Math.max(1, rows.length);
      mark();
    } else if (event.key === "Enter" && rows.length) take(rows[active]);
    else if (event.key === "Escape") { input.value = ""; close(); input.blur(); }
  });
  list.addEventListener("pointerdown", (event) => {
    const item = event.target.closest("[role=option]");
    if (!item) return;
    event.preventDefault();
    take(Number(item.dataset.row));
  });
  return { focus: () => input.focus() };
}

// The row of a node, or -1 for one that has none: numbers ascend.
function rowOfNode(model, wanted) {
  let low = 0, high = model.rows;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (model.node[middle] < wanted) low = middle + 1; else high = middle;
  }
  return low < model.rows && model.node[low] === wanted ? low : -1;
}
