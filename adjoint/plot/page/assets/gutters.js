// Around the matrix: names of rows and columns, and at the right the seed s and the multipliers λ.

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif';
const MATH = '"STIX Two Text", Cambria, Georgia, "Noto Serif", "DejaVu Serif", serif';
const LABEL_ROOM = 13; // pixels that a row with a name takes

const RANGE = 1e-8; // of the largest multiplier: what is smaller looks alike
const NONE = -3, ZERO = -1, BAD = 2; // tones

function makeGutters(model) {
  const tones = {}; // by row, from 0 to 1 by the logarithm of the magnitude; ZERO and BAD apart
  for (const name of ["multiplier", "tangent"]) {
    if (!model[name]) continue;
    let low = Infinity, high = 0;
    const sizes = Float64Array.from({ length: model.rows }, (_, r) => magnitudeOf(model, name, r));
    for (const size of sizes) {
      if (size > 0 && size < Infinity) {
        if (size < low) low = size;
        if (size > high) high = size;
      }
    }
    const least = Math.log10(Math.max(low, high * RANGE)), most = Math.log10(high);
    tones[name] = Float32Array.from(sizes, (size, r) => {
      if (model[`${name}Bad`][r] > 0) return BAD;
      if (!(size > 0)) return ZERO;
      return most === least ? 1 : Math.max(0, Math.min(1, (Math.log10(size) - least) / (most - least)));
    });
  }

  function measure(view, width) {
    const narrow = width < 560;
    view.left = narrow ? 74 : 148;
    view.top = narrow ? 58 : 84;
    view.bar = narrow ? 12 : 16; // width of the columns s and λ
    view.right = 2 * view.bar + 22;
  }

  function draw(context, view, colors, state) {
    const [from, to] = view.visibleRows();
    const [first, last] = view.visibleColumns();
    const least = (to - from) ? view.height / (to - from) : view.height;
    if (view.isMoving || least >= LABEL_ROOM * 0.55) names(context, view, colors, state, [from, to], [first, last]);
    else ticks(context, view, colors);
    bars(context, view, colors, state, [from, to]);
  }

  function weight(state, row, isRow) {
    if (row === state.selected) return "accent";
    if (state.selected >= 0 && (isRow ? state.near.before : state.near.after).has(row)) return "near";
    if (state.hover && (isRow ? state.hover.row : state.hover.column) === row) return "near";
    return "";
  }

  function names(context, view, colors, state, [from, to], [first, last]) {
    context.textBaseline = "middle";
    let free = -Infinity;
    for (let p = from; p < to; p++) {
      const row = view.sequence[p];
      const top = Math.max(0, view.start[row] * view.scale - view.y);
      const bottom = Math.min(view.height, (view.start[row] + view.span[row]) * view.scale - view.y);
      const middle = (top + bottom) / 2;
      const importance = weight(state, row, true);
      if (bottom - top < LABEL_ROOM && (!importance || importance === "near") && middle < free) continue;
      if (bottom <= 0 || top >= view.height) continue;
      free = middle + LABEL_ROOM;
      const edge = view.left + Math.max(0, -view.x);
      text(context, colors, importance, row, edge - 8, view.top + middle, edge - 14, "right");
    }
    free = -Infinity;
    const top = view.top + Math.max(0, -view.y);
    context.font = `12px ${FONT}`;
    const isUpright = (column, room) => room > Math.min(110, context.measureText(title(model, column)).width + 10);
    // columns of equal sizes are labelled alike
    const areUpright = view.isEqual && view.scale > 30 && view.sequence.subarray(first, last).every((column) => isUpright(column, view.scale));
    for (let p = first; p < last; p++) {
      const column = view.sequence[p];
      const left = Math.max(0, view.start[column] * view.scale - view.x);
      const right = Math.min(view.width, (view.start[column] + view.span[column]) * view.scale - view.x);
      const middle = (left + right) / 2;
      const importance = weight(state, column, false);
      if (right - left < LABEL_ROOM && middle < free) continue;
      if (right <= 0 || left >= view.width) continue;
      free = middle + LABEL_ROOM;
      context.font = `12px ${FONT}`;
      if (view.isEqual ? areUpright : isUpright(column, right - left)) {
        text(context, colors, importance, column, view.left + middle, top - 12, right - left - 6, "center");
      } else {
        context.save();
        context.translate(view.left + middle, top - 6);
        context.rotate(-Math.PI / 2);
        text(context, colors, importance, column, 0, 0, top - 10, "left");
        context.restore();
      }
    }
  }

  // z, the number below the line, and the name as far as there is room.
  function text(context, colors, importance, row, x, y, room, align) {
    const weight = importance ? 600 : 400;
    const large = `${weight} 12px ${FONT}`, small = `${weight} 9.5px ${FONT}`;
    const digits = String(model.node[row]);
    context.fillStyle = importance === "accent" ? colors.accent : importance ? colors.ink : colors.soft;
    context.textAlign = "left";
    context.textBaseline = "middle";
    context.font = small;
    const digitsWidth = context.measureText(digits).width;
    context.font = large;
    const letterWidth = context.measureText("z").width;
    const words = shortened(context, label(model, row), room - letterWidth - digitsWidth - 5);
    const width = letterWidth + digitsWidth + 5 + context.measureText(words).width;
    let at = align === "right" ? x - width : align === "center" ? x - width / 2 : x;
    context.fillText("z", at, y);
    at += letterWidth + 0.5;
    context.font = small;
    context.fillText(digits, at, y + 3);
    context.font = large;
    context.fillText(words, at + digitsWidth + 4.5, y);
  }

  // Numbers of nodes at round places, where there is no room for names.
  function ticks(context, view, colors) {
    context.font = `11px ${FONT}`;
    context.strokeStyle = colors.faint;
    context.lineWidth = 1;
    for (const isRow of [true, false]) {
      const [from, to] = isRow ? view.visibleRows() : view.visibleColumns();
      const length = isRow ? view.height : view.width;
      const end = isRow ? length : Math.min(length, view.total * view.scale - view.x) - 22; // beyond it stands s
      const step = roundStep(((to - from) * (isRow ? 46 : 64)) / Math.max(1, length));
      context.fillStyle = colors.soft;
      for (let p = Math.ceil((from + 1) / step) * step - 1; p < to; p += step) {
        if (p < from) continue;
        const row = view.sequence[p];
        const middle = (view.start[row] + view.span[row] / 2) * view.scale - (isRow ? view.y : view.x);
        if (middle < 0 || middle > end) continue;
        const words = count(model.node[row]);
        const edge = isRow ? view.left + Math.max(0, -view.x) : view.top + Math.max(0, -view.y);
        context.beginPath();
        if (isRow) {
          context.moveTo(edge - 6, view.top + middle);
          context.lineTo(edge - 1, view.top + middle);
        } else {
          context.moveTo(view.left + middle, edge - 6);
          context.lineTo(view.left + middle, edge - 1);
        }
        context.stroke();
        context.textAlign = isRow ? "right" : "center";
        context.textBaseline = isRow ? "middle" : "bottom";
        context.fillText(words, isRow ? edge - 10 : view.left + middle, isRow ? view.top + middle : edge - 9);
      }
    }
  }

  // The columns s and λ: a row's multiplier is filled once it is known.
  function bars(context, view, colors, state, [from, to]) {
    const name = state.play.symbolName();
    const bar = view.bar;
    const x = view.left + Math.min(view.width, view.total * view.scale - view.x) + 10;
    context.font = `italic 15px ${MATH}`;
    context.fillStyle = colors.ink;
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    const second = x + bar + 6;
    const isTangent = name === "tangent";
    const above = view.top + Math.max(0, -view.y) - 8;
    context.fillText(isTangent ? "ẋ" : "s", x + bar / 2, above);
    context.fillText(isTangent ? "ż" : "λ", second + bar / 2, above);
    context.strokeStyle = colors.faint;
    context.lineWidth = 1;
    const y0 = view.top + Math.max(0, -view.y), y1 = view.top + Math.min(view.height, view.total * view.scale - view.y);
    context.strokeRect(x + 0.5, y0 + 0.5, bar - 1, y1 - y0 - 1);
    context.strokeRect(second + 0.5, y0 + 0.5, bar - 1, y1 - y0 - 1);
    const tone = tones[name];
    const isElimination = state.play.isElimination();
    const { step, strategy: { rank } } = state.play;
    const given = isTangent ? model.isArgument : model.isSeed;
    const strongest = new Float32Array(Math.ceil(view.height) + 1).fill(NONE);
    const large = [];
    for (let p = from; p < to; p++) {
      const row = view.sequence[p];
      const top = view.start[row] * view.scale - view.y;
      const bottom = top + view.span[row] * view.scale;
      if (bottom < 0 || top > view.height) continue;
      if (given[row]) {
        context.fillStyle = colors.accent;
        context.fillRect(x, view.top + Math.max(0, top), bar, Math.max(2, Math.min(view.height, bottom) - Math.max(0, top)));
      }
      if (!tone || isElimination || rank[row] > step) continue;
      const strength = tone[row];
      if (bottom - top >= 2) large.push([Math.max(0, top), Math.min(view.height, bottom), strength]);
      else {
        const at = Math.max(0, Math.floor(top));
        if (strength > strongest[at]) strongest[at] = strength;
      }
    }
    const fill = (top, bottom, strength, gap) => {
      context.fillStyle = strength === BAD ? colors.nonFinite
        : strength === ZERO ? blend(colors.faint, colors.ground, 0.7) : blend(colors.accent, colors.ground, 0.22 + 0.78 * strength);
      context.fillRect(second + 1, view.top + top + gap, bar - 2, bottom - top - 2 * gap);
    };
    for (const [top, bottom, strength] of large) fill(top, bottom, strength, bottom - top > 8 ? 1 : 0);
    for (let at = 0; at < strongest.length; at++) {
      if (strongest[at] === NONE) continue;
      let end = at + 1; // pixels of one tone are one rectangle
      while (end < strongest.length && Math.abs(strongest[end] - strongest[at]) < 0.01) end++;
      fill(at, end, strongest[at], 0);
      at = end - 1;
    }
  }

  return { measure, draw };
}

function shortened(context, words, room) {
  if (context.measureText(words).width <= room) return words;
  let low = 1, high = words.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(`${words.slice(0, middle)}…`).width <= room) low = middle; else high = middle - 1;
  }
  return `${words.slice(0, low)}…`;
}

function roundStep(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  for (const factor of [1, 2, 5, 10]) if (factor * power >= least) return factor * power;
  return 10 * power;
}
