// What the browser keeps of a session outside its tabs: images for offline reading, one cache per API key, and
// notifications. Pages and the service worker share this module.

const PREFIX = "images-";
/** The public part of an API key, which identifies it. */
const KEY_ID = /^gik_([a-z2-7]{12})_/;

/** Return the name of a key's cache: a digest of the key's id. Null if the text has no id or the browser has no caches. */
export async function imageCacheName(key: string): Promise<string | null> {
  const id = KEY_ID.exec(key)?.[1];
  if (id === undefined || !hasStorage()) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(id)));
  return PREFIX + [...digest.slice(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function hasStorage(): boolean {
  return "caches" in globalThis && "locks" in navigator;
}

/** Hold a name until the page is closed: what has a name that no page holds is deleted. */
export async function holdName(name: string): Promise<void> {
  await new Promise<void>((held, failed) => {
    const untilClosed = () => {
      held();
      return new Promise<void>(() => undefined);
    };
    navigator.locks.request(name, { mode: "shared" }, untilClosed).catch(failed);
  });
}

/** What a notification of this app carries. */
export type NotificationData = { path: string; session: string | null };

/** Delete the caches and notifications of sessions that ended when their tabs were closed: no page holds their names. */
export async function deleteEndedSessions(registration: ServiceWorkerRegistration | undefined): Promise<void> {
  if (!hasStorage()) return;
  const notifications = (await registration?.getNotifications()) ?? [];
  const sessionOf = ({ data }: Notification) => (data as NotificationData | null)?.session ?? "unknown";
  for (const name of new Set([...(await caches.keys()).filter(isImageCache), ...notifications.map(sessionOf)]))
    await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
      if (!lock) return;
      await caches.delete(name);
      for (const notification of notifications) if (sessionOf(notification) === name) notification.close();
    });
}

export function isImageCache(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Name the cache in the URL's fragment, which no server sees. It is how the worker learns whose image it loads. */
export function urlWithCache(url: string, name: string | null): string {
  return name === null ? url : `${url}#${name}`;
}

/** Return what identifies the content of an image's URL: all of it but the signature. */
export function fileOf({ origin, pathname, searchParams }: URL): string {
  const width = searchParams.get("w");
  return origin + pathname + (width === null ? "" : `?w=${width}`);
}

/** Have the worker store a shown image. The browser may have shown it from its memory, without asking the worker. */
export async function storeShownImage(name: string | null, url: string): Promise<void> {
  if (name === null || !navigator.serviceWorker?.controller || !(await caches.has(name))) return;
  if (await caches.match(fileOf(new URL(url)), { cacheName: name, ignoreVary: true })) return;
  await fetch(urlWithCache(url, name));
}

/** Delete the files of an image (`<request id>-<index>`), or of all images of a request. */
export async function deleteCachedFiles(name: string | null, id: string): Promise<void> {
  if (name === null || !(await caches.has(name))) return;
  const cache = await caches.open(name);
  const files = (await cache.keys()).filter(({ url }) => isFileOf(url, id));
  await Promise.all(files.map((file) => cache.delete(file, { ignoreVary: true })));
}

const UUID_LENGTH = 36;

/** Return whether a URL, such as `…/images/<request id>/<index>-<hash>/display.webp`, is a file of an image or request. */
export function isFileOf(url: string, id: string): boolean {
  const [request, index] = [id.slice(0, UUID_LENGTH), id.slice(UUID_LENGTH + 1)];
  return new URL(url).pathname.includes(`/images/${request}/${index && `${index}-`}`);
}
