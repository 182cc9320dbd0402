// Numbers as people read them.

const MINUS = "−";

const GROUPED = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

function count(n) {
  return GROUPED.format(n);
}

function number(x, digits = 5) {
  if (x === undefined) return "—";
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : `${MINUS}∞`;
  if (x === 0) return "0";
  const size = Math.abs(x);
  let text;
  if (size >= 1e6 || size < 1e-4) {
    const [mantissa, exponent] = size.toExponential(digits - 1).split("e");
    text = `${trimmed(mantissa)}e${exponent.replace("+", "").replace("-", MINUS)}`;
  } else {
    text = trimmed(size.toPrecision(digits));
    if (text.includes("e")) text = String(Number(text));
  }
  return x < 0 ? MINUS + text : text;
}

function trimmed(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function subscript(n) {
  return String(n).replace(/\d/g, (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]);
}

function plural(n, one, many = `${one}s`) {
  return `${count(n)} ${n === 1 ? one : many}`;
}

function escaped(text) {
  return String(text).replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
