type Box = { left: number; right: number; top: number; bottom: number };

/** Where an arrow key leads from the frame `at`, among frames in rows; null where it leads nowhere. */
export function next(key: string, at: number, boxes: readonly Box[]): number | null {
  const here = boxes[at];
  if (!here) return null;
  switch (key) {
    case "ArrowRight":
      return at + 1 < boxes.length ? at + 1 : null;
    case "ArrowLeft":
      return at > 0 ? at - 1 : null;
    case "Home":
      return 0;
    case "End":
      return boxes.length - 1;
    case "ArrowDown":
      return nearest(here, boxes, (box) => box.top >= here.bottom - 1);
    case "ArrowUp":
      return nearest(here, boxes, (box) => box.bottom <= here.top + 1);
    default:
      return null;
  }
}

/** The frame of the nearest row on one side whose middle is nearest. */
function nearest(here: Box, boxes: readonly Box[], onSide: (box: Box) => boolean): number | null {
  const middle = (box: Box) => (box.left + box.right) / 2;
  let best: { index: number; rows: number; aside: number } | null = null;
  for (const [index, box] of boxes.entries()) {
    if (!onSide(box)) continue;
    const rows = Math.abs(box.top - here.top);
    const aside = Math.abs(middle(box) - middle(here));
    if (best === null || rows < best.rows - 2 || (Math.abs(rows - best.rows) <= 2 && aside < best.aside))
      best = { index, rows, aside };
  }
  return best?.index ?? null;
}
