import { create } from "zustand";

export type Toast = {
  id: number;
  text: string;
  tone: "info" | "success" | "error";
  action?: { label: string; run(): void };
  /** Milliseconds until the toast disappears. */
  durationMs: number;
};

type Toasts = {
  toasts: Toast[];
  show(text: string, options?: Partial<Omit<Toast, "id" | "text">>): number;
  dismiss(id: number): void;
};

let last = 0;

export const useToasts = create<Toasts>((set) => ({
  toasts: [],
  show: (text, options) => {
    last += 1;
    const toast: Toast = { id: last, text, tone: "info", durationMs: 5000, ...options };
    set((state) => ({ toasts: [...state.toasts.slice(-2), toast] }));
    return toast.id;
  },
  dismiss: (id) => set((state) => ({ toasts: state.toasts.filter((toast) => toast.id !== id) })),
}));

/** Show a toast. Works outside components too. */
export const showToast: Toasts["show"] = (text, options) => useToasts.getState().show(text, options);
