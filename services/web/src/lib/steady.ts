const KEPT_MILLISECONDS = 8 * 60_000;
const seen = new Map<string, { url: string; until: number }>();

/**
 * Return an address that a browser has loaded already, where there is one for the same file.
 * Every read of the API signs anew: without this each refresh would download every picture again.
 */
export function steady(url: string, now: number = Date.now()): string {
  const file = url.split("?", 1)[0] ?? url;
  const known = seen.get(file);
  if (known && known.until > now) return known.url;
  seen.set(file, { url, until: now + KEPT_MILLISECONDS });
  return url;
}

/** Forget a file's address: it did not load. */
export function unsteady(url: string): void {
  seen.delete(url.split("?", 1)[0] ?? url);
}
