// The graph beside the matrix: all of a small system, else what is around the selected node.

const NODE = { width: 108, height: 40 }; // as payload.py placed them
const SMALLEST = 0.62; // of its natural size, down to which the whole graph is shrunk
const AROUND = 9; // neighbors on each side

function makeGraph(model, state, select) {
  const holder = document.getElementById("graph");
  const heading = document.getElementById("graph-title");
  const room = () => Math.max(200, holder.clientWidth - 26);
  let isWhole = model.header.graph && (Math.max(...model.graphX) + NODE.width / 2 + 8) * SMALLEST <= room();
  let drawnFor = "";
  const buttons = [document.getElementById("whole"), document.getElementById("around")];
  document.getElementById("graph-choice").hidden = !model.header.graph;
  const press = () => buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(isWhole === (i === 0))));
  buttons.forEach((button, i) => button.addEventListener("click", () => {
    isWhole = i === 0;
    press();
    draw();
  }));
  press();

  function draw() {
    const center = state.selected >= 0 ? state.selected : followed();
    const key = isWhole ? "whole" : `around ${center}`;
    if (key !== drawnFor) {
      drawnFor = key;
      heading.innerHTML = isWhole ? `Graph of ${plural(model.rows, "node")}` : `Around ${titleHtml(model, center)}`;
      holder.innerHTML = isWhole ? whole() : around(center);
      if (isWhole && state.selected >= 0) reveal(state.selected);
    }
    mark();
  }

  // With nothing selected: the node that the play is at, while it goes slowly enough to be followed.
  function followed() {
    const { play } = state;
    const [current] = play.isPlaying && play.rate > 6 ? [] : play.current(1);
    return current ?? model.seeds[0] ?? model.rows - 1;
  }

  // Classes of nodes and edges; the drawing stays.
  function mark() {
    const { play, near, selected } = state;
    const current = new Set(play.current(40));
    const isMidway = play.isMidway();
    for (const node of holder.querySelectorAll(".node")) {
      const row = Number(node.dataset.row);
      const isNear = near.before.has(row) || near.after.has(row);
      setClass(node, ["node", row === selected && "selected", isNear && "near", current.has(row) && "current",
        isMidway && play.isKnown(row) && "known", play.isGone(row) && !current.has(row) && "gone"].filter(Boolean).join(" "));
    }
    for (const edge of holder.querySelectorAll(".edge, .head")) {
      const from = Number(edge.dataset.from), to = Number(edge.dataset.to);
      const isCurrent = play.symbolName() === "tangent" || play.isElimination() ? current.has(to) : current.has(from);
      const isNear = from === selected || to === selected;
      const base = edge.classList[0];
      setClass(edge, `${base}${isCurrent || (play.isElimination() && current.has(from)) ? " current" : isNear ? " near" : ""}`);
    }
  }

  function setClass(element, names) {
    if (element.getAttribute("class") !== names) element.setAttribute("class", names);
  }

  function whole() {
    const xs = model.graphX, ys = model.graphY, points = model.graphPoint;
    const width = Math.max(...xs) + NODE.width / 2, height = Math.max(...ys) + NODE.height / 2;
    let edges = "", labels = "";
    for (let e = 0; e + 1 < model.graphOffset.length; e++) {
      const from = model.graphEdge[2 * e], to = model.graphEdge[2 * e + 1];
      const line = [];
      for (let p = model.graphOffset[e]; p < model.graphOffset[e + 1]; p++) line.push([points[2 * p], points[2 * p + 1]]);
      edges += edge(from, to, line);
      if (model.rows <= 40) labels += partial(from, to, line);
    }
    let nodes = "";
    for (let row = 0; row < model.rows; row++) nodes += node(row, xs[row], ys[row]);
    return svg(width, height, edges + labels + nodes);
  }

  // Predecessors above, successors below, in lines of three; edges of the outer lines run between the boxes.
  function around(center) {
    const before = predecessors(model, center, AROUND), after = successors(model, center, AROUND);
    const step = NODE.width + 12, drop = NODE.height + 16, gap = 54;
    const width = 3 * step, half = NODE.height / 2;
    const middle = lines(before) * drop + (before.length ? gap : 0) + half;
    const below = middle + half + gap;
    let edges = "", nodes = "", labels = "";
    before.forEach((row, i) => {
      const { x, line, trunk } = place(before, i, width / 2, step);
      const y = line * drop + half, last = lines(before) - 1;
      const way = line === last ? [] : [[trunk, y + half + 9], [trunk, last * drop + NODE.height]];
      const route = [[x, y + half], ...way, [width / 2, middle - half]];
      edges += edge(row, center, route);
      labels += line === last ? partial(row, center, route) : "";
      nodes += node(row, x, y);
    });
    after.forEach((row, i) => {
      const { x, line, trunk } = place(after, i, width / 2, step);
      const y = below + line * drop + half;
      const way = line === 0 ? [] : [[trunk, below], [trunk, y - half - 9]];
      const route = [[width / 2, middle + half], ...way, [x, y - half]];
      edges += edge(center, row, route);
      labels += line === 0 ? partial(center, row, route) : "";
      nodes += node(row, x, y);
    });
    const end = after.length ? below + lines(after) * drop : middle + half + 8;
    const restBefore = model.columnStart[center + 1] - model.columnStart[center] - before.length;
    const restAfter = model.rowStart[center + 1] - model.rowStart[center] - after.length;
    let more = "";
    if (restBefore > 0) more += `<text class="more" x="${width}" y="${middle}" text-anchor="end">reads ${count(restBefore)} more</text>`;
    if (restAfter > 0) more += `<text class="more" x="${width / 2}" y="${end + 8}" text-anchor="middle">read by ${count(restAfter)} more</text>`;
    return svg(width, end + (restAfter > 0 ? 16 : 0), edges + labels + nodes + node(center, width / 2, middle) + more);
  }

  function lines(rows) {
    return Math.ceil(rows.length / 3);
  }

  // The column of a neighbor (two in a line leave the middle free, unless there is only this line), and where its edge runs.
  function place(rows, i, middle, step) {
    const line = Math.floor(i / 3), inLine = Math.min(3, rows.length - 3 * line), at = i % 3;
    const column = inLine === 1 ? 0 : inLine === 3 ? at - 1 : (rows.length < 3 ? 1 : 2) * (at - 0.5);
    return { x: middle + column * step, line, trunk: middle + (column <= 0 ? -0.5 : 0.5) * step };
  }

  function svg(width, height, inner) {
    const scale = Math.min(1.1, Math.max(SMALLEST, room() / (width + 8)));
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-4 -4 ${width + 8} ${height + 12}" width="${(width + 8) * scale}" `
      + `height="${(height + 12) * scale}" role="group" aria-label="Nodes of the graph">${inner}</svg>`;
  }

  function edge(from, to, line) {
    const [x1, y1] = line[line.length - 1];
    let path = `M${point(line[0])}`;
    for (let i = 1; i < line.length; i++) {
      const [[ax, ay], [bx, by]] = [line[i - 1], i === line.length - 1 ? [x1, y1 - 6] : line[i]];
      const bend = (by - ay) * 0.5;
      path += `C${point([ax, ay + bend])} ${point([bx, by - bend])} ${point([bx, by])}`;
    }
    const ends = `data-from="${from}" data-to="${to}"`;
    return `<path class="edge" ${ends} d="${path}"/><path class="head" ${ends} d="M${point([x1, y1])}l-4.2 -8h8.4z"/>`;
  }

  // The local derivative, where it is one number.
  function partial(from, to, line) {
    const block = blockAt(model, from, to);
    if (block < 0 || model.size[from] * model.size[to] !== 1) return "";
    let longest = 1; // the stretch of the edge that has most room
    for (let i = 2; i < line.length; i++) if (line[i][1] - line[i - 1][1] > line[longest][1] - line[longest - 1][1]) longest = i;
    const [[ax, ay], [bx, by]] = [line[longest - 1], line[longest]];
    return `<text class="partial" x="${(ax + bx) / 2 + 5}" y="${(ay + by) / 2 + 4}">${number(model.largest[block], 3)}</text>`;
  }

  function node(row, x, y) {
    const name = label(model, row);
    const words = name.length > 13 ? `${name.slice(0, 12)}…` : name;
    const left = x - NODE.width / 2, top = y - NODE.height / 2;
    return `<g class="node" data-row="${row}" tabindex="0" role="button" aria-label="${escaped(title(model, row))}" transform="translate(${left} ${top})">`
      + `<rect width="${NODE.width}" height="${NODE.height}"/>`
      + `<text x="9" y="17">${escaped(words)}</text><text class="number" x="9" y="31">z<tspan dy="2.5" font-size="9">${model.node[row]}</tspan></text>`
      + `<text class="value" x="${NODE.width - 9}" y="32" text-anchor="end">${escaped(brief(row))}</text></g>`;
  }

  function brief(row) {
    return model.size[row] === 1 ? number(model.value[row], model.node[row] < 10000 ? 4 : 3) : model.header.shapes[model.shape[row]].join("×");
  }

  function point([x, y]) {
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  }

  // Bring the selected node into the panel, without moving the page.
  function reveal(row) {
    const found = holder.querySelector(`.node[data-row="${row}"]`);
    if (!found) return;
    const inner = found.getBoundingClientRect(), outer = holder.getBoundingClientRect();
    if (inner.top < outer.top + 8 || inner.bottom > outer.bottom - 8) holder.scrollTop += inner.top - outer.top - outer.height / 2 + 20;
    if (inner.left < outer.left + 8 || inner.right > outer.right - 8) holder.scrollLeft += inner.left - outer.left - outer.width / 2 + 48;
  }

  holder.addEventListener("click", (event) => {
    const found = event.target.closest(".node");
    if (found) select(Number(found.dataset.row), { show: true });
  });
  holder.addEventListener("keydown", (event) => {
    const found = event.target.closest(".node");
    if (!found || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    event.stopPropagation();
    const row = Number(found.dataset.row);
    select(row, { show: true });
    holder.querySelector(`.node[data-row="${row}"]`)?.focus();
  });
  return { draw, reveal, redraw() { drawnFor = ""; draw(); } };
}
