const TTL_MILLISECONDS = 8 * 60_000;
const urls = new Map<string, { url: string; until: number }>();

/**
 * Return the URL that the browser has already loaded for the same file, if it is still valid.
 * The API signs every URL anew on each read; without this, every refresh would download every image again.
 */
export function stableUrl(url: string, now: number = Date.now()): string {
  const file = url.split("?", 1)[0] ?? url;
  const known = urls.get(file);
  if (known && known.until > now) return known.url;
  urls.set(file, { url, until: now + TTL_MILLISECONDS });
  return url;
}

/** Forget the URL of a file that did not load. */
export function forgetStableUrl(url: string): void {
  urls.delete(url.split("?", 1)[0] ?? url);
}
