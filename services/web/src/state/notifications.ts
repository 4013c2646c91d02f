import { create } from "zustand";
import { persist } from "zustand/middleware";

type Notifications = { wanted: boolean; want(wanted: boolean): void };

/** Whether this browser shall say when a picture is done. Of the browser, not of the owner: each gives its own leave. */
export const useNotifications = create<Notifications>()(
  persist((set) => ({ wanted: false, want: (wanted) => set({ wanted }) }), { name: "notifications" }),
);
