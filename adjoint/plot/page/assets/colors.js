// The colors of the theme in force, for the canvas; the style sheet has the same ones.

const SHADES = 32; // steps from one block in a pixel to many

function makeColors(model) {
  const preferred = matchMedia("(prefers-color-scheme: dark)");
  const colors = { name: "", choice: model.header.theme };

  colors.update = () => {
    colors.name = colors.choice === "auto" ? (preferred.matches ? "dark" : "light") : colors.choice;
    if (colors.choice === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = colors.choice;
    Object.assign(colors, model.header.colors[colors.name]);
    colors.ofKind = model.header.kinds.map(([, , family]) => colors[family]);
    colors.fillCode = model.header.kinds.length;
    colors.codes = [...colors.ofKind, colors.fillIn, colors.nonFinite];
    colors.badCode = colors.fillCode + 1;
    colors.identityCode = colors.codes.push(colors.identity) - 1;
    colors.table = shadeTable(colors.codes, colors.fillCode);
    colors.codeOfBlock ??= codesOfBlocks(model, colors.badCode);
    colors.soft = blend(colors.ink, colors.ground, 0.62);
  };
  colors.toggle = () => {
    colors.choice = colors.name === "dark" ? "light" : "dark";
    colors.update();
  };
  preferred.addEventListener("change", () => { if (colors.choice === "auto") { colors.update(); colors.changed(); } });
  colors.changed = () => {};
  colors.update();
  return colors;
}

// The code of each block: its kind, or that its number is not finite.
function codesOfBlocks(model, badCode) {
  const codes = Uint16Array.from(model.blockKind);
  for (let b = 0; b < model.blocks; b++) {
    if (!Number.isFinite(model.largest[b]) && model.size[model.row[b]] * model.size[model.column[b]] === 1) codes[b] = badCode;
  }
  return codes;
}

function channels(color) {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}

function blend(color, other, share) {
  const [a, b] = [channels(color), channels(other)];
  return `#${a.map((x, i) => Math.round(x * share + b[i] * (1 - share)).toString(16).padStart(2, "0")).join("")}`;
}

function transparent(color, alpha) {
  return `rgb(${channels(color).join(" ")} / ${alpha})`;
}

// Ink that is legible on a color.
function inkOn(color) {
  const [red, green, blue] = channels(color);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 135 ? "#101317" : "#FFFFFF";
}

// Pixels (little-endian: alpha, blue, green, red) by code, plain or faded, and by how many blocks fall on them.
function shadeTable(codes, fillCode) {
  const table = new Uint32Array(codes.length * 2 * SHADES);
  codes.forEach((color, code) => {
    const [red, green, blue] = channels(color);
    for (const faded of [0, 1]) {
      for (let shade = 0; shade < SHADES; shade++) {
        const alpha = (code === fillCode ? 1 : Math.min(1, 0.55 + (0.45 * Math.log2(1 + shade)) / 5)) * (faded ? 0.36 : 1);
        table[(code * 2 + faded) * SHADES + shade] = ((Math.round(alpha * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
      }
    }
  });
  return table;
}
