type Box = { left: number; top: number; width: number; height: number };

/** Return the index of the item that a key moves to from the item `at`, in a grid of rows; null if it does not move. */
export function nextIndex(key: string, at: number, boxes: readonly Box[]): number | null {
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
      return nearest(here, boxes, (box) => box.top >= here.top + here.height - 1);
    case "ArrowUp":
      return nearest(here, boxes, (box) => box.top + box.height <= here.top + 1);
    default:
      return null;
  }
}

/** Return the item of the nearest row on one side whose centre is nearest. */
function nearest(here: Box, boxes: readonly Box[], onSide: (box: Box) => boolean): number | null {
  const centre = (box: Box) => box.left + box.width / 2;
  let best: { index: number; rowDistance: number; centreDistance: number } | null = null;
  for (const [index, box] of boxes.entries()) {
    if (!onSide(box)) continue;
    const rowDistance = Math.abs(box.top - here.top);
    const centreDistance = Math.abs(centre(box) - centre(here));
    if (
      best === null ||
      rowDistance < best.rowDistance - 2 ||
      (Math.abs(rowDistance - best.rowDistance) <= 2 && centreDistance < best.centreDistance)
    )
      best = { index, rowDistance, centreDistance };
  }
  return best?.index ?? null;
}
