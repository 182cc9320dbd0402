// Mouse, pen and fingers on an element: drag, pinch, wheel, hover and tap, in pixels of the element.

const SLOP = 5; // pixels that a finger may move in a tap

function listen(element, { pan, zoom, hover, leave, tap, doubleTap }) {
  const pointers = new Map();
  let travelled = 0;
  let lastTap = { time: 0, x: 0, y: 0 };
  const at = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return { x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, distance: Math.hypot(a[0] - b[0], a[1] - b[1]) };
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, at(event));
    travelled = pointers.size > 1 ? Infinity : 0;
  });
  element.addEventListener("pointermove", (event) => {
    const place = at(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") hover(...place, event);
      return;
    }
    if (pointers.size === 2) {
      const old = spread();
      pointers.set(event.pointerId, place);
      const now = spread();
      pan(now.x - old.x, now.y - old.y);
      if (old.distance > 0) zoom(now.distance / old.distance, now.x, now.y);
      return;
    }
    travelled += Math.hypot(place[0] - before[0], place[1] - before[1]);
    pointers.set(event.pointerId, place);
    if (travelled > SLOP) {
      element.classList.add("dragging");
      pan(place[0] - before[0], place[1] - before[1]);
    }
  });
  const release = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    if (pointers.size) return;
    element.classList.remove("dragging");
    if (event.type !== "pointerup" || travelled > SLOP) return;
    const [x, y] = at(event);
    const isDouble = event.timeStamp - lastTap.time < 350 && Math.hypot(x - lastTap.x, y - lastTap.y) < 20;
    lastTap = { time: isDouble ? 0 : event.timeStamp, x, y };
    if (isDouble) doubleTap(x, y);
    else tap(x, y, event);
  };
  element.addEventListener("pointerup", release);
  element.addEventListener("pointercancel", release);
  element.addEventListener("pointerleave", (event) => { if (!pointers.size && event.pointerType !== "touch") leave(); });
  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 18 : 1;
    if (event.shiftKey && !event.ctrlKey) {
      pan(-(event.deltaX || event.deltaY) * lines, 0);
      return;
    }
    const delta = Math.max(-120, Math.min(120, event.deltaY * lines));
    zoom(Math.exp(-delta * (event.ctrlKey ? 0.01 : 0.0022)), ...at(event));
  }, { passive: false });
}
