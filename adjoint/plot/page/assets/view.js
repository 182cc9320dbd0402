// Where rows stand and what part of the matrix is on the screen. One unit is one row (equal sizes) or one scalar.

const ANIMATED = 3000; // rows up to which a new order is reached by moving

function makeView(model, changed) {
  const rows = model.rows;
  const view = {
    scale: 1, x: 0, y: 0, // screen = plot + place * scale - (x, y)
    width: 0, height: 0, left: 0, top: 0, right: 0, bar: 0, // of the plot, and of what stands around it
    isEqual: true,
    sequence: Uint32Array.from({ length: rows }, (_, r) => r), // rows in their order
    rank: Uint32Array.from({ length: rows }, (_, r) => r),
    edge: new Float64Array(rows + 1), // by position
    start: new Float64Array(rows), // by row; while rows are moving, where they are now
    span: new Float64Array(rows),
    isMoving: false,
    version: 0, // of the arrangement
    total: rows,
  };
  let isFitted = true;

  view.fitScale = () => Math.min(view.width, view.height) / view.total;
  view.isFitted = () => isFitted;
  // A scalar of the smallest row can grow to a legible number.
  const widest = Math.max(...sampleSizes(model));
  const largestScale = () => (view.isEqual ? Math.max(160, Math.min(60 * widest, 4e4)) : 160);

  view.clamp = () => {
    const fit = view.fitScale();
    view.scale = Math.min(Math.max(view.scale, fit), Math.max(largestScale(), fit));
    const extent = view.total * view.scale;
    isFitted = view.scale <= fit * 1.0001;
    if (isFitted) {
      view.x = (extent - view.width) / 2;
      view.y = 0;
    } else {
      view.x = clampedPan(view.x, extent, view.width);
      view.y = clampedPan(view.y, extent, view.height);
    }
  };
  view.fit = () => {
    view.scale = view.fitScale();
    view.clamp();
    changed();
  };
  view.zoom = (factor, px = view.width / 2, py = view.height / 2) => {
    const before = view.scale;
    const at = [(px + view.x) / before, (py + view.y) / before];
    view.scale = before * factor;
    view.scale = Math.min(Math.max(view.scale, view.fitScale()), Math.max(largestScale(), view.fitScale()));
    view.x = at[0] * view.scale - px;
    view.y = at[1] * view.scale - py;
    view.clamp();
    changed();
  };
  view.pan = (dx, dy) => {
    view.x -= dx;
    view.y -= dy;
    view.clamp();
    changed();
  };
  view.resize = (width, height) => {
    const wasFitted = isFitted;
    view.width = Math.max(20, width);
    view.height = Math.max(20, height);
    if (wasFitted) view.scale = view.fitScale();
    view.clamp();
  };
  // Bring a place (in units) to the middle.
  view.center = (x, y) => {
    view.x = x * view.scale - view.width / 2;
    view.y = y * view.scale - view.height / 2;
    view.clamp();
    changed();
  };
  view.show = (row) => {
    const middle = view.start[row] + view.span[row] / 2;
    const px = middle * view.scale - view.x, py = middle * view.scale - view.y;
    const margin = Math.min(40, view.width / 4);
    if (px < margin || px > view.width - margin || py < margin || py > view.height - margin) view.center(middle, middle);
  };
  view.positionAt = (place) => {
    let low = 0, high = rows - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (view.edge[middle] <= place) low = middle; else high = middle - 1;
    }
    return low;
  };
  view.rowAt = (py) => rowAtPlace((py + view.y) / view.scale);
  view.columnAt = (px) => rowAtPlace((px + view.x) / view.scale);
  function rowAtPlace(place) {
    return place < 0 || place >= view.total ? -1 : view.sequence[view.positionAt(place)];
  }
  view.visibleRows = () => span(view.y, view.height);
  view.visibleColumns = () => span(view.x, view.width);
  function span(from, length) {
    if (view.isMoving) return [0, rows];
    return [view.positionAt(from / view.scale), Math.min(rows, view.positionAt((from + length) / view.scale) + 1)];
  }

  // A new order of the rows, or new sizes.
  view.arrange = (sequence, isEqual, isAnimated) => {
    const before = { start: view.start.slice(), span: view.span.slice(), total: view.total };
    const relative = (view.height / 2 + view.y) / view.scale / view.total;
    const zoom = view.scale / view.fitScale();
    view.version++;
    view.sequence = sequence;
    view.isEqual = isEqual;
    for (let p = 0; p < rows; p++) view.rank[sequence[p]] = p;
    for (let p = 0; p < rows; p++) view.edge[p + 1] = view.edge[p] + (isEqual ? 1 : model.size[sequence[p]]);
    view.total = view.edge[rows];
    if (view.width) {
      view.scale = view.fitScale() * zoom;
      view.x = relative * view.total * view.scale - view.width / 2;
      view.y = relative * view.total * view.scale - view.height / 2;
      view.clamp();
    }
    if (isAnimated && rows <= ANIMATED && view.width) move(before);
    else settle();
    changed();
  };
  let moving = 0;
  function settle() {
    moving++;
    view.isMoving = false;
    for (let p = 0; p < rows; p++) {
      view.start[view.sequence[p]] = view.edge[p];
      view.span[view.sequence[p]] = view.edge[p + 1] - view.edge[p];
    }
  }
  function move(before) {
    settle();
    const ratio = view.total / before.total;
    const goal = { start: view.start.slice(), span: view.span.slice() };
    const mine = moving;
    const begin = performance.now();
    view.isMoving = true;
    const tick = (now) => {
      if (mine !== moving) return;
      const t = Math.min(1, (now - begin) / 520);
      const eased = t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2;
      for (let r = 0; r < rows; r++) {
        view.start[r] = before.start[r] * ratio * (1 - eased) + goal.start[r] * eased;
        view.span[r] = before.span[r] * ratio * (1 - eased) + goal.span[r] * eased;
      }
      if (t === 1) settle();
      else requestAnimationFrame(tick);
      changed();
    };
    tick(begin);
  }

  view.arrange(view.sequence, true, false);
  return view;
}

// An edge of the matrix may come as far in as the middle: then every place can be brought under any pointer.
function clampedPan(offset, extent, length) {
  return Math.min(Math.max(offset, -length / 2), extent - length / 2);
}

// Sizes of some rows: enough to know how far it is worth to zoom.
function sampleSizes(model) {
  const step = Math.max(1, Math.floor(model.rows / 500));
  const sizes = [1];
  for (let r = 0; r < model.rows; r += step) sizes.push(model.size[r]);
  return sizes;
}
