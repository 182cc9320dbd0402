// The card beside the pointer.

function makeCard(model, matrix) {
  const card = document.getElementById("card");
  const stage = document.getElementById("stage");

  function show(found, x, y) {
    const html = found && words(found);
    card.hidden = !html;
    if (!html) return;
    card.innerHTML = html;
    const room = { width: stage.clientWidth, height: stage.clientHeight };
    const size = { width: card.offsetWidth, height: card.offsetHeight };
    const left = x + 18 + size.width > room.width ? x - 18 - size.width : x + 18;
    const top = y + 18 + size.height > room.height ? y - 18 - size.height : y + 18;
    card.style.left = `${Math.max(8, Math.min(left, room.width - size.width - 8))}px`;
    card.style.top = `${Math.max(8, Math.min(top, room.height - size.height - 8))}px`;
  }

  function words(found) {
    if (found.part === "node") return nodeWords(model, found.row >= 0 ? found.row : found.column, true);
    if (found.part === "block") {
      const more = found.around > 1 ? `<div class="expression">one of ${count(found.around)} blocks here; zoom in</div>` : "";
      return blockFacts(model, found.block, found.entry) + more;
    }
    if (matrix.isPixels) return "";
    const [reader, read] = [model.node[found.column], model.node[found.row]];
    return `0: z<sub>${reader}</sub> does not read z<sub>${read}</sub>`;
  }

  return { show, hide: () => { card.hidden = true; } };
}
