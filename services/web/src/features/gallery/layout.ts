/** An image's place in the gallery, in pixels from its top left corner. */
export type Place = { left: number; top: number; width: number; height: number; row: number };

/** A row of the gallery. Its images are those from `first` up to the `first` of the next row. */
export type Row = { first: number; height: number };

export type Layout = { places: readonly Place[]; rows: readonly Row[] };

type Shape = { width: number; height: number };

/** Return the places of images, uncropped and in order, in rows that are as wide as the gallery except for the last. */
export function layOut(images: readonly Shape[], width: number, rowHeight: number, gap: number): Layout {
  const places: Place[] = [];
  const rows: Row[] = [];
  let top = 0;
  for (let first = 0; first < images.length; ) {
    const row = images.slice(first, endOfRow(images, first, width, rowHeight, gap));
    const last = first + row.length === images.length;
    const ratios = row.map(ratio);
    const full = (width - gap * (row.length - 1)) / ratios.reduce((sum, each) => sum + each, 0);
    const height = last ? Math.min(rowHeight, full) : full;
    let left = 0;
    for (const each of ratios) {
      places.push({ left, top, width: each * height, height, row: rows.length });
      left += each * height + gap;
    }
    rows.push({ first, height });
    top += height + gap;
    first += row.length;
  }
  return { places, rows };
}

function endOfRow(images: readonly Shape[], first: number, width: number, rowHeight: number, gap: number): number {
  let end = first;
  let used = -gap;
  for (let image = images[end]; image; image = images[++end]) {
    used += gap + ratio(image) * rowHeight;
    if (used > width && end > first) break;
  }
  return end;
}

function ratio({ width, height }: Shape): number {
  return width / height;
}
