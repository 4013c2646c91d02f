import { create } from "zustand";
import { persist } from "zustand/middleware";
import { storageFor } from "./tabStorage";

/** The user's choices for this browser. They end with the session: the next user decides anew. */
export type BrowserSettings = {
  /** Show browser notifications. Each browser asks for its own permission. */
  notifications: boolean;
  /** Show the prompt in them. */
  promptsInNotifications: boolean;
  /** Store images and responses, so that they can be viewed after a reload without a connection. */
  offlineReading: boolean;
};

export const DEFAULTS: BrowserSettings = { notifications: false, promptsInNotifications: false, offlineReading: false };

export const useBrowserSettings = create<BrowserSettings>()(
  persist(() => DEFAULTS, {
    name: "settings",
    storage: storageFor<BrowserSettings>(),
  }),
);
