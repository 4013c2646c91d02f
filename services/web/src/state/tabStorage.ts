// What this tab stores in the browser: the key, the draft and settings. The app stores nothing in `localStorage`, so that
// nothing outlasts the tab. Storage may be blocked; values then last until the page is closed.

import { createJSONStorage } from "zustand/middleware";

let writable = true;

export function read(name: string): string | null {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Store a value, unless `setWritable` forbids it. Return whether it is stored. */
export function write(name: string, value: string): boolean {
  try {
    if (!writable) return false;
    sessionStorage.setItem(name, value);
    return true;
  } catch {
    return false; // The quota is exhausted, or storage is blocked.
  }
}

export function remove(name: string): void {
  try {
    sessionStorage.removeItem(name);
  } catch {
    // Nothing is stored.
  }
}

/** Remove everything, also what libraries store, such as scroll positions. */
export function clear(): void {
  try {
    sessionStorage.clear();
  } catch {
    // Nothing is stored.
  }
}

/** Set whether anything may be stored: not in a session that ends with a reload, and not after the session. */
export function setWritable(on: boolean): void {
  writable = on;
}

/** The storage for a store's `persist`. */
export function storageFor<State>() {
  return createJSONStorage<State>(() => ({
    getItem: read,
    setItem: (name, value) => void write(name, value),
    removeItem: remove,
  }));
}
