import { create } from "zustand";
import { deleteEndedSessions, holdName, imageCacheName } from "@/lib/imageCache";
import { useBrowserSettings } from "./browserSettings";
import { executePendingDeletions } from "./deletions";
import { type Receipt, storeReceipt } from "./receipt";
import * as tabStorage from "./tabStorage";

/**
 * The API keys in use. A session belongs to one tab. It ends with the tab, or with a reload unless the key is remembered
 * in the tab's session storage. Another user starts with a new page, so that no variable keeps anything of the last one.
 */
type Session = {
  key: string | null;
  /** For the operators' pages if the first key lacks the scope `admin`. Never stored. */
  operatorKey: string | null;
  remembered: boolean;
  /** The name of the cache for this key's images. It exists only for offline reading. Null if the browser can store none. */
  imageCache: string | null;
  /** The key of a link that was opened. Unused until the user confirms it. */
  linkKey: string | null;
  setOperatorKey(key: string | null): void;
};

const STORAGE_KEY = "api-key";

export const useSession = create<Session>((set) => {
  const key = tabStorage.read(STORAGE_KEY);
  return {
    key,
    operatorKey: null,
    remembered: key !== null,
    imageCache: null,
    linkKey: null,
    setOperatorKey: (operatorKey) => set({ operatorKey }),
  };
});

type SessionEvent = { event: "sign-out" } | { event: "delete"; id: string };
/** Sent to the other tabs. Those that use the same cache, and therefore the same key, handle it. */
type Message = SessionEvent & { cache: string };

const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("session") : null;

function notifyTabs(event: SessionEvent): void {
  const { imageCache } = useSession.getState();
  if (imageCache !== null) channel?.postMessage({ ...event, cache: imageCache } satisfies Message);
}

function onMessage(handle: (message: Message) => void): void {
  channel?.addEventListener("message", ({ data }: MessageEvent<Message>) => {
    const { key, imageCache } = useSession.getState();
    if (key !== null && data.cache === imageCache) handle(data);
  });
}

let closePage = () => {};

/**
 * Continue the remembered session, delete what ended sessions left in this browser, and follow the other tabs.
 * `close` removes everything from the page; it is called at the end of the session.
 */
export async function startSession(close: () => void): Promise<void> {
  closePage = close;
  const { key } = useSession.getState();
  if (key !== null) {
    const imageCache = await holdSession(key);
    useSession.setState({ imageCache });
    if (useBrowserSettings.getState().offlineReading) await setOfflineReading(true);
  }
  await deleteEndedSessions(await serviceWorker()).catch(() => undefined);
  onMessage(({ event }) => {
    if (event === "sign-out") void endSession();
  });
  // A page from the back/forward cache shows the session that it had when it was left.
  window.addEventListener("pageshow", ({ persisted }) => {
    if (persisted) location.reload();
  });
}

/** Use a key from now on. If another key is in use, its session ends first. */
export async function signIn(key: string, remember: boolean): Promise<void> {
  const { key: previous } = useSession.getState();
  if (previous !== null && previous !== key) {
    await deleteUserData(key);
    location.reload();
    return;
  }
  const imageCache = await holdSession(key);
  tabStorage.setWritable(remember);
  if (!remember) tabStorage.clear();
  tabStorage.write(STORAGE_KEY, key);
  useSession.setState({ key, remembered: remember, imageCache, linkKey: null });
  if (!remember) await setOfflineReading(false);
}

/** End the session in every tab that uses this key. */
export async function signOut(): Promise<void> {
  notifyTabs({ event: "sign-out" });
  await endSession();
}

/** End the session of an owner who was erased, in every tab. This tab goes on to show the receipt. */
export async function endErasedSession(receipt: Receipt): Promise<void> {
  notifyTabs({ event: "sign-out" });
  await deleteUserData(null);
  tabStorage.setWritable(true);
  storeReceipt(receipt);
  tabStorage.setWritable(false);
  location.replace("/erasure");
}

async function endSession(): Promise<void> {
  await deleteUserData(null);
  location.replace("/");
}

/** Delete what this browser stores of the user, and keep only the next user's key. The new page that follows forgets the rest. */
async function deleteUserData(nextKey: string | null): Promise<void> {
  executePendingDeletions();
  const { imageCache } = useSession.getState();
  await Promise.allSettled([imageCache !== null && caches.delete(imageCache), closeNotifications()]);
  closePage(); // so that it neither stores anything any more, nor comes back from the back/forward cache
  tabStorage.clear();
  tabStorage.setWritable(true);
  if (nextKey !== null) tabStorage.write(STORAGE_KEY, nextKey);
  tabStorage.setWritable(false);
}

async function closeNotifications(): Promise<void> {
  for (const notification of (await (await serviceWorker())?.getNotifications()) ?? []) notification.close();
}

async function serviceWorker(): Promise<ServiceWorkerRegistration | undefined> {
  return navigator.serviceWorker?.getRegistration();
}

async function holdSession(key: string): Promise<string | null> {
  try {
    const name = await imageCacheName(key);
    if (name !== null) await holdName(name);
    return name;
  } catch {
    return null; // Storage may be blocked. Images are then loaded each time.
  }
}

/** Create or delete the cache for images. The service worker stores images only if it exists. */
export async function setOfflineReading(on: boolean): Promise<void> {
  const { imageCache } = useSession.getState();
  useBrowserSettings.setState({ offlineReading: on && imageCache !== null });
  if (imageCache === null) return;
  if (on) await caches.open(imageCache);
  else await caches.delete(imageCache);
}

/** Have other tabs of this key forget an image or a request too. */
export function notifyDeletion(id: string): void {
  notifyTabs({ event: "delete", id });
}

/** Call `forget` for each image or request that another tab of this key deleted. */
export function onDeletion(forget: (id: string) => void): void {
  onMessage((message) => {
    if (message.event === "delete") forget(message.id);
  });
}

/**
 * Remove a key from the URL (`#key=…`; a fragment is never sent to a server) and keep it for the user to confirm. Whoever
 * follows a foreign link must not work in a foreign account unawares.
 */
export function takeKeyFromUrl(): void {
  const linkKey = new URLSearchParams(location.hash.slice(1)).get("key");
  if (linkKey === null) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  useSession.setState((session) => ({ linkKey: linkKey === session.key || linkKey === "" ? null : linkKey }));
}
