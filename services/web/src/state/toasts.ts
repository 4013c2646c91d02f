import { create } from "zustand";

export type Toast = {
  id: number;
  text: string;
  tone: "plain" | "good" | "bad";
  action?: { label: string; run(): void };
  /** Milliseconds until it goes by itself. */
  lasts: number;
};

type Toasts = {
  toasts: Toast[];
  say(text: string, more?: Partial<Omit<Toast, "id" | "text">>): number;
  dismiss(id: number): void;
};

let last = 0;

export const useToasts = create<Toasts>((set) => ({
  toasts: [],
  say: (text, more) => {
    last += 1;
    const toast: Toast = { id: last, text, tone: "plain", lasts: 5000, ...more };
    set((state) => ({ toasts: [...state.toasts.slice(-2), toast] }));
    return toast.id;
  },
  dismiss: (id) => set((state) => ({ toasts: state.toasts.filter((toast) => toast.id !== id) })),
}));

/** Say something from outside a component. */
export const say: Toasts["say"] = (text, more) => useToasts.getState().say(text, more);
