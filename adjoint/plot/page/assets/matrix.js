// The picture of the matrix: bands of levels, blocks as pixels or as squares, what is selected, and what is around it.

const SQUARE = 5; // pixels from which blocks are squares
const MOST_SQUARES = 5000;
const BOLD = 300000; // blocks up to which a pixel is drawn two wide
const NOT_FADING = { faint: new Uint8Array(0), byRow: false, byColumn: false, only: -1 };

function isFaintBy({ faint, byRow, byColumn, only }) {
  if (only >= 0) return (row, column) => row !== only && column !== only;
  return (row, column) => (byRow && faint[row] === 1) || (byColumn && faint[column] === 1);
}

function makeMatrix(model, view, colors, state) {
  const stage = document.getElementById("stage");
  const canvas = document.getElementById("matrix");
  const context = canvas.getContext("2d", { alpha: false });
  const pixels = makePixels(model);
  const squares = makeSquares(model);
  const gutters = makeGutters(model);
  const matrix = { canvas, squares, gutters, isPixels: false };
  let ratio = 1;

  matrix.resize = () => {
    ratio = Math.min(3, devicePixelRatio || 1);
    const width = stage.clientWidth, height = stage.clientHeight;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    gutters.measure(view, width);
    view.resize(width - view.left - view.right, height - view.top - 6);
  };

  matrix.draw = () => {
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = colors.ground;
    context.fillRect(0, 0, canvas.width / ratio, canvas.height / ratio);
    const rows = view.visibleRows(), columns = view.visibleColumns();
    matrix.isPixels = isFine(rows, columns);
    context.save();
    context.translate(view.left, view.top);
    context.beginPath();
    context.rect(0, 0, view.width, view.height);
    context.clip();
    bands(rows);
    if (!matrix.isPixels) crosses();
    if (matrix.isPixels) fine();
    else coarse(rows, columns);
    if (matrix.isPixels) crosses();
    marks();
    frame();
    context.restore();
    gutters.draw(context, view, colors, state);
  };

  // What is drawn faintly: what is not solved yet, or already eliminated; else what has nothing to do with the selected node.
  function fading() {
    if (state.play.isMidway()) return state.play.fading();
    return state.selected < 0 ? NOT_FADING : { ...NOT_FADING, only: state.selected };
  }

  function isFine([from, to], [first, last]) {
    let smallest = view.scale;
    if (!view.isEqual) smallest = view.height / Math.max(1, to - from);
    if (smallest < SQUARE && to - from > 60) return true;
    let visible = 2 * (to - from);
    for (let p = from; p < to && visible < MOST_SQUARES; p++) {
      const r = view.sequence[p];
      visible += Math.min(last - first, model.rowStart[r + 1] - model.rowStart[r]);
    }
    return visible + state.play.fillCount() > MOST_SQUARES;
  }

  function bands([from, to]) {
    const x = Math.max(0, -view.x), width = Math.min(view.width, view.total * view.scale - view.x) - x;
    context.fillStyle = colors.band;
    if (view.isMoving || (to - from) / view.height > 1) return;
    for (let p = from; p < to; p++) {
      const level = model.level[view.sequence[p]];
      if (level % 2 === 0) continue;
      let end = p + 1;
      while (end < to && model.level[view.sequence[end]] === level) end++;
      context.fillRect(x, view.edge[p] * view.scale - view.y, width, (view.edge[end] - view.edge[p]) * view.scale);
      p = end - 1;
    }
  }

  function fine() {
    // as many pixels as the screen has, unless that is more than can be filled in a frame
    const sharp = view.width * view.height * ratio * ratio > 1.2e6 ? 1 : ratio;
    const image = pixels.paint(view, colors, fading(), {
      width: Math.round(view.width * sharp), height: Math.round(view.height * sharp),
      scale: view.scale * sharp, x: view.x * sharp, y: view.y * sharp, isBold: model.blocks < BOLD,
    }, state.play.created());
    context.imageSmoothingEnabled = false;
    context.drawImage(image, 0, 0, view.width, view.height);
  }

  function coarse(rows, columns) {
    if (view.scale >= 14 && view.isEqual && !view.isMoving) grid(rows, columns);
    const isFaint = isFaintBy(fading());
    squares.draw(context, view, colors, isFaint, rows, columns);
    const created = state.play.created();
    for (let i = 0; i < (created?.count ?? 0); i++) {
      const row = created.rows[i], column = created.columns[i];
      squares.created(context, view, colors, row, column, isFaint(row, column), i >= created.fresh);
    }
  }

  function grid([from, to], [first, last]) {
    context.strokeStyle = transparent(colors.faint, 0.5);
    context.lineWidth = 1;
    context.beginPath();
    const right = view.edge[last] * view.scale - view.x, bottom = view.edge[to] * view.scale - view.y;
    const leftmost = view.edge[first] * view.scale - view.x, top = view.edge[from] * view.scale - view.y;
    for (let p = from; p <= to; p++) line(leftmost, Math.round(view.edge[p] * view.scale - view.y) + 0.5, right, null);
    for (let p = first; p <= last; p++) line(Math.round(view.edge[p] * view.scale - view.x) + 0.5, top, null, bottom);
    context.stroke();
  }

  function line(x, y, right, bottom) {
    context.moveTo(x, y);
    context.lineTo(right ?? x, bottom ?? y);
  }

  // The selected row and column, and those that the play is at.
  function crosses() {
    if (state.selected >= 0) cross(state.selected, colors.ink, 0.08);
    for (const row of state.play.current(3)) cross(row, colors.accent, 0.14);
  }

  // Outlines: what the step uses, and what is under the pointer.
  function marks() {
    if (!matrix.isPixels) for (const row of state.play.current(3)) used(row);
    const { row, column } = state.keyboard ? { row: state.selected, column: state.selected } : state.hover ?? {};
    if (row >= 0 && column >= 0 && !matrix.isPixels) {
      const at = squares.box(view, row, column);
      context.strokeStyle = colors.ink;
      context.lineWidth = 1.5;
      context.strokeRect(at.x - 1, at.y - 1, at.width + 2, at.height + 2);
    }
    if (matrix.isPixels && state.selected >= 0) lit(state.selected);
  }

  function used(row) {
    const isColumn = state.play.symbolName() === "tangent";
    const outline = (r, c) => {
      const at = squares.box(view, r, c);
      context.strokeStyle = colors.accent;
      context.lineWidth = Math.min(2.5, 0.12 * at.width + 0.8);
      context.strokeRect(at.x, at.y, at.width, at.height);
    };
    if (isColumn || state.play.isElimination()) {
      for (let i = model.columnStart[row]; i < model.columnStart[row + 1]; i++) outline(model.row[model.inColumn[i]], row);
    }
    if (!isColumn) for (let b = model.rowStart[row]; b < model.rowStart[row + 1]; b++) outline(row, model.column[b]);
  }

  function cross(row, color, alpha) {
    const at = view.start[row] * view.scale, length = Math.max(1.5, view.span[row] * view.scale);
    const extent = view.total * view.scale;
    context.fillStyle = transparent(color, view.span[row] * view.scale < 3 ? 0.55 : alpha);
    context.fillRect(-view.x, at - view.y, extent, length);
    context.fillRect(at - view.x, -view.y, length, extent);
  }

  // Blocks of the selected row and column, large enough to be seen among pixels.
  function lit(row) {
    const dot = (r, c, color) => {
      const x = (view.start[c] + view.span[c] / 2) * view.scale - view.x, y = (view.start[r] + view.span[r] / 2) * view.scale - view.y;
      if (x < -4 || y < -4 || x > view.width + 4 || y > view.height + 4) return;
      context.fillStyle = color;
      context.fillRect(x - 3, y - 3, 6, 6);
      context.strokeStyle = colors.ground;
      context.lineWidth = 1;
      context.strokeRect(x - 3, y - 3, 6, 6);
    };
    let drawn = 0;
    for (let b = model.rowStart[row]; b < model.rowStart[row + 1] && drawn < 2000; b++, drawn++) {
      dot(row, model.column[b], colors.ofKind[model.blockKind[b]]);
    }
    for (let i = model.columnStart[row]; i < model.columnStart[row + 1] && drawn < 4000; i++, drawn++) {
      const b = model.inColumn[i];
      dot(model.row[b], row, colors.ofKind[model.blockKind[b]]);
    }
    dot(row, row, colors.accent);
  }

  function frame() {
    context.strokeStyle = colors.faint;
    context.lineWidth = 1;
    context.strokeRect(Math.round(-view.x) + 0.5, Math.round(-view.y) + 0.5, view.total * view.scale - 1, view.total * view.scale - 1);
  }

  // What is at a place of the stage.
  matrix.at = (px, py) => {
    const x = px - view.left, y = py - view.top;
    const row = y >= 0 && y < view.height ? view.rowAt(y) : -1;
    const column = x >= 0 && x < view.width ? view.columnAt(x) : -1;
    if (row >= 0 && x < 0) return { row, column: -1, part: "node" };
    if (column >= 0 && y < 0) return { row: -1, column, part: "node" };
    if (row >= 0 && column < 0) return { row, column: -1, part: "node" };
    if (row < 0 || column < 0) return null;
    if (row === column) return { row, column, part: "node" };
    const block = blockAt(model, row, column);
    if (block >= 0) return { row, column, block, part: "block", entry: entryUnder(block, row, column, x, y) };
    return (matrix.isPixels && nearest(x, y)) || { row, column, part: "empty" };
  };

  function entryUnder(block, row, column, x, y) {
    if (model.size[row] * model.size[column] === 1 || matrix.isPixels) return null;
    const at = squares.box(view, row, column);
    if (!hasRoom(view, at)) return null;
    const entries = entriesOf(model, block);
    if (!entries || !entries.values) return null;
    const i = Math.floor(((y - at.y) / at.height) * entries.height), j = Math.floor(((x - at.x) / at.width) * entries.width);
    if (i < 0 || j < 0 || i >= entries.height || j >= entries.width) return null;
    return { i, j, value: entryAt(model, entries, i, j) };
  }

  // Among pixels: the block that is nearest within reach, and how many there are.
  function nearest(x, y) {
    const reach = 4;
    const place = [(x + view.x) / view.scale, (y + view.y) / view.scale];
    const [from, to] = rowsBetween(view, place[1] - reach / view.scale, place[1] + reach / view.scale);
    let best = -1, distance = Infinity, found = 0;
    for (let p = from; p < to; p++) {
      const r = view.sequence[p];
      for (let b = model.rowStart[r]; b < model.rowStart[r + 1]; b++) {
        const c = model.column[b];
        const dx = Math.abs(view.start[c] + view.span[c] / 2 - place[0]) * view.scale;
        if (dx > reach) continue;
        found++;
        const away = dx + Math.abs(view.start[r] + view.span[r] / 2 - place[1]) * view.scale;
        if (away < distance) { distance = away; best = b; }
      }
      const own = Math.abs(view.start[r] + view.span[r] / 2 - place[0]) * view.scale;
      if (own < reach && own < distance) return { row: r, column: r, part: "node" };
    }
    if (best < 0) return null;
    return { row: model.row[best], column: model.column[best], block: best, part: "block", around: found };
  }

  return matrix;
}
