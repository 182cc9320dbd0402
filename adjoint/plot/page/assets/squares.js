// The matrix where blocks are large: squares with their signs, and inside large ones their scalar entries.

const INSET = 0.06; // of a cell, around a block
const ENTRY_ROOM = { equal: 36, scalars: 20 }; // pixels from which a block shows its entries
const MOST_ENTRIES = 20000; // of all blocks in one picture

function makeSquares(model) {
  let left = 0; // entries that may still be drawn in this picture

  function box(view, row, column) {
    const x = view.start[column] * view.scale - view.x, y = view.start[row] * view.scale - view.y;
    const width = view.span[column] * view.scale, height = view.span[row] * view.scale;
    const gap = Math.min(3, INSET * Math.min(width, height));
    return { x: x + gap, y: y + gap, width: Math.max(1, width - 2 * gap), height: Math.max(1, height - 2 * gap) };
  }

  function draw(context, view, colors, isFaint, [from, to], [first, last]) {
    left = MOST_ENTRIES;
    for (let p = from; p < to; p++) {
      const r = view.sequence[p];
      diagonal(context, view, colors, r, isFaint(r, r));
      for (let b = model.rowStart[r], end = model.rowStart[r + 1]; b < end; b++) {
        const c = model.column[b];
        if (!view.isMoving && (view.rank[c] < first || view.rank[c] >= last)) continue;
        block(context, view, colors, b, r, c, isFaint(r, c));
      }
    }
  }

  function block(context, view, colors, b, row, column, faded) {
    const at = box(view, row, column);
    const color = colors.ofKind[model.blockKind[b]];
    context.globalAlpha = faded ? 0.26 : 1;
    const entries = hasRoom(view, at) ? entriesOf(model, b) : null;
    const single = model.size[row] * model.size[column] === 1;
    if (entries && !single) {
      inside(context, view, colors, entries, at, color);
    } else {
      const bad = single && !Number.isFinite(model.largest[b]);
      const fill = bad ? colors.nonFinite : color;
      rounded(context, at, fill);
      sign(context, at, model.header.kinds[model.blockKind[b]][1], single ? model.largest[b] : undefined, fill);
    }
    context.globalAlpha = 1;
  }

  function diagonal(context, view, colors, row, faded) {
    const at = box(view, row, row);
    if (at.x + at.width < 0 || at.y + at.height < 0 || at.x > view.width || at.y > view.height) return;
    context.globalAlpha = faded ? 0.26 : 1;
    const implicit = model.diagonalAt[row];
    const size = model.size[row];
    const large = hasRoom(view, at) && size > 1;
    if (implicit >= 0) {
      const entries = large ? entriesOf(model, model.blocks + implicit) : null;
      const color = colors[model.diagonalFamily(row)];
      if (entries) inside(context, view, colors, entries, at, color);
      else {
        rounded(context, at, color);
        sign(context, at, `−D`, size === 1 ? model.largest[model.blocks + implicit] : undefined, color);
      }
    } else if (large) {
      inside(context, view, colors, { rule: CONSTANT, count: size, height: size, width: size, values: [-1], from: 0 }, at, colors.identity);
    } else {
      rounded(context, at, blend(colors.identity, colors.ground, 0.42));
      sign(context, at, size === 1 ? "−1" : "−I", undefined, blend(colors.identity, colors.ground, 0.42));
    }
    context.globalAlpha = 1;
  }

  // A block that an elimination created.
  function created(context, view, colors, row, column, faded, isNew) {
    const at = box(view, row, column);
    if (at.x + at.width < 0 || at.y + at.height < 0 || at.x > view.width || at.y > view.height) return;
    context.globalAlpha = faded ? 0.3 : 1;
    rounded(context, at, colors.fillIn);
    if (isNew) {
      context.strokeStyle = colors.accent;
      context.lineWidth = 2;
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  function rounded(context, { x, y, width, height }, color) {
    context.fillStyle = color;
    context.beginPath();
    const radius = Math.min(5, 0.14 * Math.min(width, height));
    if (radius < 1) context.rect(x, y, width, height); else context.roundRect(x, y, width, height, radius);
    context.fill();
  }

  // The kind in letters, and below it the number of a block that has only one.
  function sign(context, { x, y, width, height }, text, value, color) {
    const size = Math.min(15, Math.min(width, height) * 0.36);
    if (size < 8.5) return;
    context.fillStyle = inkOn(color);
    context.textAlign = "center";
    context.textBaseline = "middle";
    const hasNumber = value !== undefined && Math.min(width, height) > 50;
    context.font = `500 ${size}px ${FONT}`;
    context.fillText(text, x + width / 2, y + height / 2 - (hasNumber ? size * 0.62 : 0), width - 4);
    if (!hasNumber) return;
    context.font = `${size * 0.88}px ${FONT}`;
    context.fillText(number(value, 4), x + width / 2, y + height / 2 + size * 0.68, width - 6);
  }

  // Scalar entries, darker the larger they are; as numbers where there is room.
  function inside(context, view, colors, entries, at, color) {
    const cell = { width: at.width / entries.width, height: at.height / entries.height };
    const alpha = context.globalAlpha;
    context.fillStyle = transparent(color, 0.13);
    context.beginPath();
    context.rect(at.x, at.y, at.width, at.height);
    context.fill();
    const isDiagonal = entries.rule === DIAGONAL || entries.rule === CONSTANT;
    if (isDiagonal && Math.max(cell.width, cell.height) < 1) {
      context.strokeStyle = color;
      context.lineWidth = 1.2;
      context.beginPath();
      context.moveTo(at.x, at.y);
      context.lineTo(at.x + at.width, at.y + at.height);
      context.stroke();
      return;
    }
    const rows = clip(at.y, cell.height, entries.height, view.height);
    const columns = clip(at.x, cell.width, entries.width, view.width);
    const visible = entries.rule === DENSE ? (rows[1] - rows[0]) * (columns[1] - columns[0])
      : entries.rule === COORDINATES ? entries.count : rows[1] - rows[0];
    if (visible > left || (entries.rule === DENSE && Math.min(cell.width, cell.height) < 1)) {
      context.fillStyle = transparent(color, Math.min(0.85, 0.3 + entries.count / (entries.width * entries.height)));
      context.fill();
      return;
    }
    left -= visible;
    let largest = 0;
    if (entries.values) {
      const end = entries.rule === CONSTANT ? entries.from + 1 : entries.from + entries.count;
      for (let e = entries.from; e < end; e++) {
        const size = Math.abs(entries.values[e]);
        if (size > largest && size < Infinity) largest = size;
      }
    }
    const gap = Math.min(1, 0.08 * Math.min(cell.width, cell.height));
    const put = (i, j, value) => {
      const x = at.x + j * cell.width, y = at.y + i * cell.height;
      const finite = value === undefined || Number.isFinite(value);
      const share = value === undefined || !largest ? 0.75 : finite ? Math.sqrt(Math.abs(value) / largest) : 1;
      const shade = value === 0 ? 0.06 : 0.22 + 0.78 * share;
      context.globalAlpha = alpha * shade;
      context.fillStyle = finite ? color : colors.nonFinite;
      context.fillRect(x + gap, y + gap, Math.max(1, cell.width - 2 * gap), Math.max(1, cell.height - 2 * gap));
      context.globalAlpha = alpha;
      if (value === undefined || cell.width < 34 || cell.height < 15) return;
      context.fillStyle = finite ? inkOn(blend(color, colors.ground, shade)) : inkOn(colors.nonFinite);
      context.font = `${Math.min(13, cell.height * 0.5, cell.width * 0.24)}px ${FONT}`;
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(number(value, 3), x + cell.width / 2, y + cell.height / 2, cell.width - 4);
    };
    const { rule, values, from } = entries;
    if (rule === DENSE) {
      for (let i = rows[0]; i < rows[1]; i++) {
        for (let j = columns[0]; j < columns[1]; j++) put(i, j, values ? values[from + i * entries.width + j] : undefined);
      }
    } else if (rule === COORDINATES) {
      for (let e = 0; e < entries.count; e++) {
        const i = model.entryRow[entries.places + e], j = model.entryColumn[entries.places + e];
        if (i >= rows[0] && i < rows[1] && j >= columns[0] && j < columns[1]) put(i, j, values[from + e]);
      }
    } else {
      for (let i = rows[0]; i < rows[1]; i++) put(i, i, values ? values[rule === CONSTANT ? from : from + i] : undefined);
    }
  }

  return { draw, created, box };
}

function hasRoom(view, { width, height }) {
  return view.isEqual ? Math.min(width, height) >= ENTRY_ROOM.equal : Math.max(width, height) >= ENTRY_ROOM.scalars && Math.min(width, height) >= 3;
}

// Which of the cells from `start` on are between 0 and `length`.
function clip(start, cell, count, length) {
  return [Math.max(0, Math.floor(-start / cell)), Math.min(count, Math.ceil((length - start) / cell))];
}
