/** The widths in which the CDN delivers images, in pixels. The CDN refuses others. */
export const WIDTHS = [320, 640, 960, 1280, 1920];

/** Return the URL of an image in one width. `sizedUrl` has `{width}` in the place of the width. */
export function urlInWidth(sizedUrl: string, width: number): string {
  return sizedUrl.replace("{width}", String(width));
}

/** Return the widths to offer for an image that is `original` pixels wide: no file is wider than the original. */
export function offeredWidths(original: number): number[] {
  return WIDTHS.filter((_, index) => index === 0 || (WIDTHS[index - 1] ?? 0) < original);
}
