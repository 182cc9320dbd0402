// What the page says about rows and blocks.

function operation(model, row) {
  return model.header.operations[model.operation[row]];
}

// A name that was given, or the operation.
function label(model, row) {
  return model.nameOf.get(row) ?? operation(model, row);
}

function title(model, row) {
  return `z${subscript(model.node[row])} ${label(model, row)}`;
}

function titleHtml(model, row) {
  return `z<sub>${model.node[row]}</sub> ${escaped(label(model, row))}`;
}

function shape(model, row) {
  const axes = model.header.shapes[model.shape[row]];
  return axes.length ? axes.join(" × ") : "scalar";
}

function dtype(model, row) {
  return model.header.dtypes[model.dtype[row]];
}

function site(model, row) {
  return model.header.sites[model.site[row]];
}

function kindOf(model, block) {
  return model.header.kinds[model.blockKind[block]][0];
}

function familyOf(model, block) {
  return model.header.kinds[model.blockKind[block]][2];
}

// What the node computes: written down for smaller systems, put together from its blocks for larger ones.
function expression(model, row) {
  if (model.header.expressions) return model.header.expressions[row];
  const name = operation(model, row);
  if (model.isArgument[row]) return name;
  const parents = predecessors(model, row).slice(0, 6).map((r) => `z_${model.node[r]}`);
  const more = model.columnStart[row + 1] - model.columnStart[row] - parents.length;
  return `${name}(${parents.join(", ")}${more > 0 ? ", …" : ""})`;
}

function predecessors(model, row, most = Infinity) {
  const end = Math.min(model.columnStart[row + 1], model.columnStart[row] + most);
  return Array.from(model.inColumn.subarray(model.columnStart[row], end), (b) => model.row[b]);
}

function successors(model, row, most = Infinity) {
  return Array.from(model.column.subarray(model.rowStart[row], Math.min(model.rowStart[row + 1], model.rowStart[row] + most)));
}

// Rows of a list of facts about a value, a multiplier or a tangent; `name` is the array's.
function summaryOf(model, name, row) {
  const values = model[name];
  if (!values) return null;
  const bad = model[`${name}Bad`][row];
  const at = model.severalAt[row];
  if (at < 0) return { text: number(values[row], 7), bad, size: 1 };
  const low = model[`${name}Low`][at], high = model[`${name}High`][at];
  const text = low === high && !bad
    ? `all ${number(low)}`
    : `${number(low)} … ${number(high)}, mean ${number(values[row])}`;
  const from = model[`${name}HeadStart`][at], to = model[`${name}HeadStart`][at + 1];
  const head = Array.from(model[`${name}Head`].subarray(from, to), (x) => number(x, 4));
  return { text, bad, size: model.size[row], head, more: model.size[row] > head.length };
}

// The largest magnitude of a row's multiplier (or tangent): what its color shows.
function magnitudeOf(model, name, row) {
  const at = model.severalAt[row];
  if (at < 0) return Math.abs(model[name][row]);
  return Math.max(Math.abs(model[`${name}Low`][at]), Math.abs(model[`${name}High`][at]));
}

function fact(term, text, className = "") {
  return `<dt>${term}</dt><dd${className ? ` class="${className}"` : ""}>${text}</dd>`;
}

function summaryFacts(model, name, symbol, row, isShort) {
  const found = summaryOf(model, name, row);
  if (!found) return "";
  let text = escaped(found.text);
  if (model.header.complex) text += " <small>(magnitudes)</small>";
  if (found.bad) {
    text += found.size === 1 ? "" : ` <span class="bad">${count(found.bad)} of ${count(found.size)} not finite</span>`;
  }
  let html = fact(symbol, text, found.bad && found.size === 1 ? "bad" : "");
  if (!isShort && found.size > 1 && found.head.length) {
    html += fact("", `${found.head.join(", ")}${found.more ? ", …" : ""}`, "first");
  }
  return html;
}

function nodeHead(model, row) {
  const name = model.nameOf.get(row);
  return `<div class="what-title"><b>z<sub>${model.node[row]}</sub> ${escaped(operation(model, row))}</b>`
    + (name ? `<span class="name">${escaped(name)}</span>` : "") + "</div>";
}

function sourceLine(model, row) {
  const place = site(model, row);
  if (!place) return "";
  const [file, line, text, name] = place;
  return `<div class="source"><small>${escaped(file)}:${line}${name ? `, in ${escaped(name)}` : ""}</small>${escaped(text)}</div>`;
}

function nodeWords(model, row, isShort) {
  return `${nodeHead(model, row)}<div class="expression">${escaped(expression(model, row))}</div>`
    + `${sourceLine(model, row)}${nodeFacts(model, row, isShort)}`;
}

function nodeFacts(model, row, isShort) {
  let work = 0;
  let into = 0;
  for (let i = model.columnStart[row]; i < model.columnStart[row + 1]; i++) {
    const block = model.inColumn[i];
    work += model.blockFlops[block];
    into += model.blockNonzeros[block];
  }
  const kind = model.diagonalAt[row] < 0 ? "explicit, diagonal −I" : `implicit, diagonal: ${model.diagonalKind(row)}`;
  return `<dl class="facts">${
    fact("shape", `${shape(model, row)} <small>${escaped(dtype(model, row))}</small>`)
  }${summaryFacts(model, "value", "<span class=\"lambda\">z</span>", row, isShort)
  }${summaryFacts(model, "multiplier", "<span class=\"lambda\">λ</span>", row, isShort)
  }${isShort ? "" : summaryFacts(model, "tangent", "<span class=\"lambda\">ż</span>", row, isShort)
  }${fact("level", count(model.level[row]))
  }${fact("constraint", escaped(kind))
  }${model.isArgument[row] ? "" : fact("blocks", `${plural(into, "nonzero")}, ${plural(work, "multiplication")}`)
  }</dl>`;
}

function blockFacts(model, block, entry) {
  const row = model.row[block], column = model.column[block];
  const single = model.size[row] * model.size[column] === 1;
  const largest = model.largest[block];
  const entries = entriesOf(model, block);
  let html = `<div class="what-title"><span class="swatch" style="--swatch: var(--family-${familyOf(model, block)})"></span>`
    + `<b>${escaped(kindOf(model, block))} block</b></div><dl class="facts">`
    + fact("row", titleHtml(model, row)) + fact("column", titleHtml(model, column))
    + fact("shape", `${count(model.size[row])} × ${count(model.size[column])}`);
  if (model.blockParts[block] > 1) html += fact("operands", `${model.blockParts[block]}, added`);
  if (single) {
    html += fact("entry", number(largest, 7), Number.isFinite(largest) ? "" : "bad");
  } else {
    html += fact("nonzeros", `${count(model.blockNonzeros[block])}`) + fact("multiplications", count(model.blockFlops[block]));
    html += fact("largest", Number.isNaN(largest) ? "not computed" : `|${number(largest)}|`);
    if (!entries) html += fact("entries", `too many entries to embed: ${count(model.blockNonzeros[block])}`);
    else if (!entries.values) html += fact("entries", `drawn by rule; too many numbers to embed: ${count(entries.count)}`);
    if (entry) html += fact(`[${count(entry.i)}, ${count(entry.j)}]`, entry.value === undefined ? "0" : number(entry.value, 7));
  }
  return `${html}</dl>`;
}
