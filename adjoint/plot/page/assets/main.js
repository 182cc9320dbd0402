// The page: one state, one picture a frame.

const SUN = "M8 4.6a3.4 3.4 0 1 0 0 6.8 3.4 3.4 0 0 0 0-6.8zM7.4.8h1.2v2.3H7.4zM7.4 12.9h1.2v2.3H7.4zM.8 7.4h2.3v1.2H.8zM12.9 7.4h2.3v1.2h-2.3zM2.5 3.3l.8-.8L5 4.1l-.9.9zM11 11.9l.9-.9 1.6 1.7-.8.8zM11.9 5L11 4.1l1.7-1.6.8.8zM4.1 11l.9.9-1.7 1.6-.8-.8z";
const MOON = "M6.2 1.6a6.6 6.6 0 1 0 8.2 8.2A5.6 5.6 0 0 1 6.2 1.6z";

async function begin() {
  const failure = document.getElementById("failure");
  const fail = (words) => {
    failure.textContent = words;
    failure.hidden = false;
    for (const part of document.querySelectorAll("header, main, footer")) part.hidden = true;
  };
  if (typeof DecompressionStream === "undefined") {
    fail("This browser is too old to unpack the page (it has no DecompressionStream). "
      + "Firefox 113, Chrome 111 and Safari 16.4 or later can show it.");
    return;
  }
  try {
    const holder = document.getElementById("data");
    const model = makeModel(await unpack(holder.textContent));
    holder.remove();
    run(model);
  } catch (error) {
    fail(`The data of this page cannot be read: ${error.message}. Write the file anew.`);
    throw error;
  }
}

function run(model) {
  const state = { selected: -1, hover: null, near: { before: new Set(), after: new Set() }, play: null, keyboard: false };
  const colors = makeColors(model);
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const get = (id) => document.getElementById(id);
  let isWaiting = false;
  let frames = 0;

  const changed = () => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      frames++;
      matrix.draw();
      minimap.draw(view, colors);
      transport.draw();
      graph.draw();
      details.draw();
    });
  };
  const announce = (words) => { get("live").textContent = words; };

  const select = (row, { show = false, zoom = false } = {}) => {
    state.selected = row;
    state.near = {
      before: new Set(row < 0 ? [] : predecessors(model, row, 5000)),
      after: new Set(row < 0 ? [] : successors(model, row, 5000)),
    };
    if (row >= 0) {
      if (zoom && view.span[row] * view.scale < 12) {
        view.zoom(22 / (view.span[row] * view.scale));
        view.center(view.start[row] + view.span[row] / 2, view.start[row] + view.span[row] / 2);
      } else if (show) view.show(row);
      const { before, after } = state.near;
      announce(`${title(model, row)}, ${shape(model, row)}, reads ${plural(before.size, "node")}, read by ${count(after.size)}`);
    } else announce("Nothing selected");
    history.replaceState(null, "", row < 0 ? location.pathname + location.search : `#z=${model.node[row]}`);
    changed();
    requestAnimationFrame(() => { if (row >= 0) graph.reveal(row); });
  };

  const view = makeView(model, changed);
  state.play = makePlay(model, changed);
  const matrix = makeMatrix(model, view, colors, state);
  const card = makeCard(model, matrix);
  const minimap = makeMinimap(model, get("minimap"), (x, y) => view.center(x * view.total, y * view.total));
  const transport = makeTransport(model, state.play, announce);
  const graph = makeGraph(model, state, select);
  const details = makeDetails(model, state, select);
  const search = makeSearch(model, select);
  const help = makeHelp();
  const arrangements = makeArrangements(model);

  fillPage();
  const arrange = () => {
    const chosen = arrangements.find(({ id }) => id === get("arrangement").value);
    const isEqual = get("equal").getAttribute("aria-pressed") === "true";
    card.hide();
    view.arrange(chosen.sequence(), isEqual, !still.matches);
  };
  get("arrangement").addEventListener("change", arrange);
  for (const id of ["equal", "scalars"]) {
    get(id).addEventListener("click", () => {
      for (const other of ["equal", "scalars"]) get(other).setAttribute("aria-pressed", String(other === id));
      arrange();
    });
  }
  get("zoom-in").addEventListener("click", () => view.zoom(1.6));
  get("zoom-out").addEventListener("click", () => view.zoom(1 / 1.6));
  get("fit").addEventListener("click", view.fit);
  get("help").addEventListener("click", () => help.showModal());
  const nameTheme = () => {
    const other = colors.name === "dark" ? "light" : "dark";
    get("theme").firstElementChild.firstElementChild.setAttribute("d", colors.name === "dark" ? SUN : MOON);
    get("theme").setAttribute("aria-label", `Switch to ${other}`);
    get("theme").title = `Switch to ${other} (t)`;
    changed();
  };
  get("theme").addEventListener("click", () => { colors.toggle(); nameTheme(); });
  colors.changed = nameTheme;

  const stage = get("stage");
  const hover = (x, y) => {
    state.hover = matrix.at(x, y);
    state.keyboard = false;
    stage.classList.toggle("over", Boolean(state.hover) && state.hover.part !== "empty");
    card.show(state.hover, x, y);
    changed();
  };
  const inPlot = (action) => (a, b, c) => action(a, (b ?? 0) - view.left, (c ?? 0) - view.top);
  listen(stage, {
    pan: (dx, dy) => { card.hide(); view.pan(dx, dy); },
    zoom: (factor, x, y) => { card.hide(); inPlot(view.zoom)(factor, x, y); },
    hover,
    leave: () => { state.hover = null; card.hide(); changed(); },
    tap: (x, y, event) => {
      const found = matrix.at(x, y);
      state.keyboard = false;
      if (event.pointerType === "touch") hover(x, y);
      if (!found || found.part === "empty") {
        select(-1);
        if (event.pointerType === "touch") card.hide();
      } else select(found.part === "node" ? Math.max(found.row, found.column) : found.column);
    },
    doubleTap: (x, y) => { card.hide(); view.zoom(2.4, x - view.left, y - view.top); },
  });

  const arrow = (dx, dy) => (event) => {
    const play = state.play;
    const isUnderWay = play.isPlaying || (play.isStepped && play.step > 0 && play.step < play.strategy.steps);
    if (dx && isUnderWay && !event.shiftKey) {
      transport.stepBy(dx);
    } else if (state.selected < 0 || event.shiftKey) view.pan(-dx * 60, -dy * 60);
    else {
      const position = view.rank[state.selected] + (dx || dy);
      if (position < 0 || position >= model.rows) return;
      state.keyboard = true;
      select(view.sequence[position], { show: true });
    }
  };
  listenToKeys({
    ArrowLeft: arrow(-1, 0), ArrowRight: arrow(1, 0), ArrowUp: arrow(0, -1), ArrowDown: arrow(0, 1),
    "+": () => view.zoom(1.6), "=": () => view.zoom(1.6), "-": () => view.zoom(1 / 1.6), 0: view.fit,
    " ": transport.toggle, "/": search.focus, "?": () => help.showModal(),
    t: () => get("theme").click(),
    o: () => {
      get("arrangement").selectedIndex = (get("arrangement").selectedIndex + 1) % arrangements.length;
      arrange();
    },
    Escape: () => {
      card.hide();
      if (state.play.isPlaying) state.play.pause();
      else select(-1);
    },
  });

  function fillPage() {
    const { header } = model;
    get("title").textContent = header.title;
    const unknowns = model.offset[model.rows];
    const parts = [plural(model.rows, "node"), `${plural(model.blocks, "block")}`, plural(header.depth, "level")];
    if (unknowns !== model.rows) parts.splice(1, 0, plural(unknowns, "unknown"));
    parts.push(`${plural(header.nonzeros, "nonzero")} of A`);
    get("summary").textContent = parts.join(" · ");
    for (const { id, title: name } of arrangements) get("arrangement").append(new Option(name, id));
    const used = new Map();
    for (let b = 0; b < model.blocks; b++) {
      const [kind, , family] = header.kinds[model.blockKind[b]];
      const entry = used.get(family) ?? { kinds: new Set(), blocks: 0 };
      entry.kinds.add(kind);
      entry.blocks++;
      used.set(family, entry);
    }
    const says = new Map(header.families);
    const item = (color, words, hint) => `<li title="${escaped(hint)}">`
      + `<span class="swatch" style="--swatch: var(${color})"></span>${escaped(words)}</li>`;
    const items = [...used].sort(([, a], [, b]) => b.blocks - a.blocks)
      .map(([family, { kinds, blocks }]) => item(`--family-${family}`, `${[...kinds].join(", ")} · ${count(blocks)}`, says.get(family)));
    if (header.eliminations.length) items.push(item("--fill-in", "fill-in", "a block that an elimination creates"));
    items.push(item("--accent", "seed, multipliers", "the right-hand side, and the solution"));
    get("legend").innerHTML = items.join("");
  }

  const resize = () => {
    matrix.resize();
    graph.redraw();
    changed();
  };
  new ResizeObserver(resize).observe(stage);
  matrix.resize();
  view.fit();
  nameTheme();
  const wanted = /^#z=(\d+)$/.exec(location.hash);
  const fromHash = wanted ? rowOfNode(model, Number(wanted[1])) : -1;
  if (fromHash >= 0) select(fromHash, { show: true, zoom: true });
  addEventListener("hashchange", () => {
    const now = /^#z=(\d+)$/.exec(location.hash);
    const row = now ? rowOfNode(model, Number(now[1])) : -1;
    if (row >= 0 && row !== state.selected) select(row, { show: true, zoom: true });
  });

  // For tests and the curious: the state of the page. Not an interface that stays.
  window.adjoint = {
    model, view, state, colors, matrix, select, isReady: true, readyAt: performance.now(),
    get frames() { return frames; },
    // The middle of a block on the page, in pixels.
    placeOf(row, column) {
      const box = stage.getBoundingClientRect();
      return [
        box.left + view.left + (view.start[column] + view.span[column] / 2) * view.scale - view.x,
        box.top + view.top + (view.start[row] + view.span[row] / 2) * view.scale - view.y,
      ];
    },
  };
}

begin();
