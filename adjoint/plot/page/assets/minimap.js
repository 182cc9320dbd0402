// A small picture of the whole, shown while only a part is on the screen; a click goes there.

function makeMinimap(model, canvas, go) {
  const context = canvas.getContext("2d");
  const pixels = makePixels(model);
  let drawnFor = "";
  let picture = null;
  let side = 0;

  function draw(view, colors) {
    const isShown = view.width > 160 && view.scale > view.fitScale() * 1.6 && !view.isMoving;
    canvas.hidden = !isShown;
    if (!isShown) return;
    side = Math.round(Math.min(132, view.width * 0.3));
    const ratio = Math.min(2, devicePixelRatio || 1);
    const pixelSide = Math.round(side * ratio);
    canvas.style.width = canvas.style.height = `${side}px`;
    canvas.style.left = `${view.left + 10}px`;
    canvas.style.top = `${view.top + view.height - side - 10}px`;
    const key = [colors.name, view.isEqual, view.version, pixelSide].join();
    if (key !== drawnFor) {
      drawnFor = key;
      canvas.width = canvas.height = pixelSide;
      const place = { width: pixelSide, height: pixelSide, scale: pixelSide / view.total, x: 0, y: 0, isBold: false };
      picture = pixels.paint(view, colors, NOT_FADING, place);
    }
    context.fillStyle = colors.ground;
    context.fillRect(0, 0, pixelSide, pixelSide);
    context.drawImage(picture, 0, 0);
    const scale = pixelSide / (view.total * view.scale);
    context.fillStyle = transparent(colors.accent, 0.14);
    context.strokeStyle = colors.accent;
    context.lineWidth = 1.5 * ratio;
    const box = [view.x * scale, view.y * scale, view.width * scale, view.height * scale];
    const least = 7 * ratio;
    if (box[2] < least) { box[0] -= (least - box[2]) / 2; box[2] = least; }
    if (box[3] < least) { box[1] -= (least - box[3]) / 2; box[3] = least; }
    context.fillRect(...box);
    context.strokeRect(...box);
  }

  let isHeld = false;
  const follow = (event) => {
    const box = canvas.getBoundingClientRect();
    go((event.clientX - box.left) / side, (event.clientY - box.top) / side);
    event.stopPropagation();
  };
  canvas.addEventListener("pointerdown", (event) => { isHeld = true; canvas.setPointerCapture(event.pointerId); follow(event); });
  canvas.addEventListener("pointermove", (event) => { if (isHeld) follow(event); else event.stopPropagation(); });
  canvas.addEventListener("pointerup", (event) => { isHeld = false; event.stopPropagation(); });
  canvas.addEventListener("pointercancel", () => { isHeld = false; });
  return { draw };
}
