import { create } from "zustand";
import { persist } from "zustand/middleware";

type Notifications = { enabled: boolean; setEnabled(enabled: boolean): void };

/** Whether to show browser notifications. Stored per browser, because each browser asks for its own permission. */
export const useNotifications = create<Notifications>()(
  persist((set) => ({ enabled: false, setEnabled: (enabled) => set({ enabled }) }), { name: "notifications" }),
);
