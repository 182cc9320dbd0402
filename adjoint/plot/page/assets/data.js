// The embedded data: unpacked into typed arrays (encode.py wrote them), and what follows from them.

async function unpack(text) {
  const packed = atob(text.trim());
  const bytes = new Uint8Array(packed.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = packed.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const arrays = {};
  let offset = 4 + length;
  for (const [name, type, count, isDifference] of header.arrays) {
    const [array, width] = unshuffled(new Uint8Array(buffer, offset), type, count);
    arrays[name] = isDifference ? summed(array) : array;
    offset += width * count;
  }
  return { header, arrays };
}

// All first bytes of the numbers, then all second ones, …: put together again.
function unshuffled(bytes, type, count) {
  const half = type === "Half"; // the upper half of a double
  const Type = half ? Float64Array : globalThis[`${type}Array`];
  const array = new Type(count);
  const out = new Uint8Array(array.buffer);
  const width = half ? 4 : Type.BYTES_PER_ELEMENT;
  const stride = Type.BYTES_PER_ELEMENT;
  for (let byte = 0; byte < width; byte++) {
    let to = byte + stride - width;
    for (let i = byte * count, end = i + count; i < end; i++, to += stride) out[to] = bytes[i];
  }
  return [array, width];
}

function summed(differences) {
  let sum = differences.reduce((total, x) => total + x, 0);
  const array = new (sum < 2 ** 32 ? Uint32Array : Float64Array)(differences.length);
  sum = 0;
  for (let i = 0; i < array.length; i++) array[i] = sum += differences[i];
  return array;
}

// Rows are counted from 0; `node` has the numbers from 1 that people see. A block stands in the row of the node that is
// read and in the column of the node that reads it.
function makeModel({ header, arrays }) {
  const rows = arrays.node.length;
  const blocks = arrays.blockRow.length;
  const column = new Uint32Array(blocks);
  for (let b = 0; b < blocks; b++) column[b] = arrays.blockRow[b] + arrays.blockSpan[b];
  const model = { ...arrays, header, rows, blocks, row: arrays.blockRow, column };

  model.rowStart = starts(model.row, rows);
  model.columnStart = starts(column, rows);
  model.inColumn = new Uint32Array(blocks); // the blocks of each column, from top to bottom
  const next = model.columnStart.slice();
  for (let b = 0; b < blocks; b++) model.inColumn[next[column[b]]++] = b;

  model.offset = new Float64Array(rows + 1);
  for (let r = 0; r < rows; r++) model.offset[r + 1] = model.offset[r] + model.size[r];

  model.isSeed = new Uint8Array(rows);
  for (const r of model.seeds) model.isSeed[r] = 1;
  model.isArgument = new Uint8Array(rows);
  const input = header.operations.indexOf("input");
  for (let r = 0; r < rows; r++) model.isArgument[r] = model.operation[r] === input ? 1 : 0;

  const implicitKinds = header.kinds.length - model.implicit.length;
  model.diagonalAt = new Int32Array(rows).fill(-1); // which of the implicit constraints a row is
  model.implicit.forEach((r, i) => { model.diagonalAt[r] = i; });
  model.diagonalKind = (r) => (model.diagonalAt[r] < 0 ? "identity" : header.kinds[implicitKinds + model.diagonalAt[r]][0]);
  model.diagonalFamily = (r) => (model.diagonalAt[r] < 0 ? "identity" : header.kinds[implicitKinds + model.diagonalAt[r]][2]);

  model.nameOf = new Map(header.names);
  indexArrays(model);
  indexEntries(model);
  return model;
}

function starts(sorted, rows) {
  const start = new Uint32Array(rows + 1);
  for (let b = 0; b < sorted.length; b++) start[sorted[b] + 1]++;
  for (let r = 0; r < rows; r++) start[r + 1] += start[r];
  return start;
}

// Least, largest and first entries are there for arrays only: where those of a row begin.
function indexArrays(model) {
  model.severalAt = new Int32Array(model.rows).fill(-1);
  let several = 0;
  for (let r = 0; r < model.rows; r++) if (model.size[r] > 1) model.severalAt[r] = several++;
  for (const name of ["value", "multiplier", "tangent"]) {
    const counts = model[`${name}Heads`];
    if (!counts) continue;
    const start = new Uint32Array(several + 1);
    for (let i = 0; i < several; i++) start[i + 1] = start[i] + counts[i];
    model[`${name}HeadStart`] = start;
  }
}

// Where the listed entries of a block begin; blocks that are not listed have -1.
function indexEntries(model) {
  const count = model.listed.length;
  model.listedAt = new Int32Array(model.blocks + model.implicit.length).fill(-1);
  model.valueStart = new Uint32Array(count + 1);
  model.coordinateStart = new Uint32Array(count + 1);
  for (let i = 0; i < count; i++) {
    model.listedAt[model.listed[i]] = i;
    model.valueStart[i + 1] = model.valueStart[i] + model.listedCount[i];
    model.coordinateStart[i + 1] = model.coordinateStart[i] + (model.listedRule[i] === 0 ? model.listedCount[i] : 0);
  }
}

const COORDINATES = 0, DIAGONAL = 1, DENSE = 2, CONSTANT = 3;

// How the entries of a block are placed, with numbers or without; null where the page does not know them.
function entriesOf(model, block) {
  const at = model.listedAt[block];
  const implicit = block >= model.blocks;
  const r = implicit ? model.implicit[block - model.blocks] : model.row[block];
  const height = model.size[r];
  const width = implicit ? height : model.size[model.column[block]];
  if (at >= 0) {
    return {
      rule: model.listedRule[at], count: model.listedCount[at], height, width,
      values: model.entryValue, from: model.valueStart[at], places: model.coordinateStart[at],
    };
  }
  if (implicit) return null;
  const nonzeros = model.blockNonzeros[block];
  if (height * width === 1) return { rule: DENSE, count: 1, height, width, values: model.largest, from: block };
  if (nonzeros === height * width) return { rule: DENSE, count: nonzeros, height, width, values: null };
  const kind = model.header.kinds[model.blockKind[block]][0];
  if (height === width && nonzeros === height && (kind === "identity" || kind === "scalar" || kind === "diagonal")) {
    return { rule: DIAGONAL, count: nonzeros, height, width, values: null };
  }
  return null;
}

// The entry at one place of a block: a number, NaN-safe; undefined where it is zero or not known.
function entryAt(model, entries, i, j) {
  const { rule, values, from, width } = entries;
  if (rule === DENSE) return values ? values[from + i * width + j] : undefined;
  if (rule === DIAGONAL) return i === j && values ? values[from + i] : undefined;
  if (rule === CONSTANT) return i === j ? values[from] : undefined;
  for (let e = 0; e < entries.count; e++) {
    if (model.entryRow[entries.places + e] === i && model.entryColumn[entries.places + e] === j) return values[from + e];
  }
  return undefined;
}

// The block at a row and a column, or -1: the columns of a row ascend.
function blockAt(model, row, column) {
  let low = model.rowStart[row], high = model.rowStart[row + 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (model.column[middle] < column) low = middle + 1; else high = middle;
  }
  return low < model.rowStart[row + 1] && model.column[low] === column ? low : -1;
}
