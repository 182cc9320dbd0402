// The matrix where blocks are small: every visible block is put into a grid of pixels, counted, and colored by how many
// there are. One pass over the blocks on typed arrays, one over the pixels.

const SOLID = 255; // the count of a pixel inside a block that is larger than it

function makePixels(model) {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  const across = new Int32Array(model.rows); // the pixel in which each column begins
  let image = null, words = null, codes = null, counts = null;

  function room(width, height) {
    if (image && image.width === width && image.height === height) {
      codes.fill(0);
      counts.fill(0);
      return;
    }
    canvas.width = width;
    canvas.height = height;
    image = context.createImageData(width, height);
    words = new Uint32Array(image.data.buffer);
    codes = new Uint16Array(width * height);
    counts = new Uint8Array(width * height);
  }

  // Draw a picture of `width × height` pixels in which a place is at `place * scale - (x, y)`. `created` are blocks that an
  // elimination made: how many, their rows and columns.
  function paint(view, colors, fading, { width, height, scale, x, y, isBold }, created = null) {
    room(width, height);
    const { rows, column, rowStart } = model;
    const { start, span, sequence } = view;
    const { faint, byRow, byColumn, only } = fading;
    const cells = codes, numbers = counts, left = across;
    const weakest = colors.identityCode * 2 + 1; // gives way to everything else in its pixel
    const codeOf = colors.codeOfBlock;
    for (let r = 0; r < rows; r++) left[r] = Math.floor(start[r] * scale - x);

    const small = (x0, y0, cell) => {
      if (x0 < 0 || x0 >= width) return;
      const at = y0 * width + x0;
      const before = cells[at];
      if (before === 0 || ((cell & 1) === 1 && cell !== weakest)) cells[at] = cell;
      if (numbers[at] < SHADES - 1) numbers[at]++;
    };
    const large = (r, c, top, bottom, cell) => {
      const x0 = Math.max(0, left[c]);
      const x1 = Math.min(width, Math.max(x0 + 1, Math.round((start[c] + span[c]) * scale - x)));
      for (let py = Math.max(0, top); py < bottom && x1 > x0; py++) {
        cells.fill(cell, py * width + x0, py * width + x1);
        numbers.fill(SOLID, py * width + x0, py * width + x1);
      }
    };
    const [from, to] = view.isMoving ? [0, rows] : rowsBetween(view, y / scale, (y + height) / scale);
    for (let p = from; p < to; p++) {
      const r = sequence[p];
      const top = Math.floor(start[r] * scale - y);
      const bottom = Math.min(height, Math.max(top + 1, Math.round((start[r] + span[r]) * scale - y)));
      if (top >= height || bottom <= 0) continue;
      const isRowSmall = span[r] * scale < 1.5 && top >= 0;
      const isRowFaint = byRow ? faint[r] : 0;
      for (let b = rowStart[r], end = rowStart[r + 1]; b < end; b++) {
        const c = column[b];
        const isFaint = only >= 0 ? (r !== only && c !== only ? 1 : 0) : byColumn ? isRowFaint | faint[c] : isRowFaint;
        const cell = codeOf[b] * 2 + 1 + isFaint;
        if (isRowSmall && span[c] * scale < 1.5) small(left[c], top, cell);
        else large(r, c, top, bottom, cell);
      }
      const isFaint = only >= 0 ? (r !== only ? 1 : 0) : byColumn ? isRowFaint | faint[r] : isRowFaint;
      if (isRowSmall) small(left[r], top, weakest + isFaint);
      else large(r, r, top, bottom, weakest + isFaint);
    }
    for (let i = 0; i < (created?.count ?? 0); i++) {
      const r = created.rows[i], c = created.columns[i];
      const top = Math.floor(start[r] * scale - y);
      if (top >= height || top + span[r] * scale < 0) continue;
      const cell = colors.fillCode * 2 + 1 + (faint[r] | faint[c]);
      if (top >= 0 && span[r] * scale < 1.5 && span[c] * scale < 1.5) small(left[c], top, cell);
      else large(r, c, top, Math.min(height, Math.max(top + 1, Math.round((start[r] + span[r]) * scale - y))), cell);
    }
    return finish(colors, width, isBold);
  }

  // Pixels from codes and counts; a bold one spreads to the right and down, where nothing else is.
  function finish({ table }, width, isBold) {
    words.fill(0);
    for (let i = 0; i < codes.length; i++) {
      const cell = codes[i];
      if (cell === 0) continue;
      const number = counts[i];
      const word = table[(cell - 1) * SHADES + (number < SHADES ? number : SHADES - 1)];
      words[i] = word;
      if (!isBold || number === SOLID) continue;
      if (codes[i + 1] === 0 && (i + 1) % width !== 0) words[i + 1] = word;
      if (codes[i + width] === 0) words[i + width] = word;
      if (codes[i + width + 1] === 0 && (i + 1) % width !== 0) words[i + width + 1] = word;
    }
    context.putImageData(image, 0, 0);
    return canvas;
  }

  return { paint };
}

function rowsBetween(view, from, to) {
  return [view.positionAt(Math.max(0, from)), Math.min(view.rank.length, view.positionAt(to) + 1)];
}
