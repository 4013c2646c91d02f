import { X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { type Toast, useToasts } from "@/state/toasts";

const TONES = { plain: "border-line", good: "border-good", bad: "border-bad" };

/** Short messages that come and go. Whoever points at one or is in it with the keyboard has all the time they want. */
export function Toaster() {
  const toasts = useToasts((state) => state.toasts);
  return (
    <section
      aria-label="Messages"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-4 bottom-20 z-50 grid justify-items-center gap-2 sm:bottom-6"
    >
      {toasts.map((toast) => (
        <Message key={toast.id} toast={toast} />
      ))}
    </section>
  );
}

function Message({ toast }: { toast: Toast }) {
  const dismiss = useToasts((state) => state.dismiss);
  const [held, setHeld] = useState(false);
  const left = useRef(toast.lasts);
  useEffect(() => {
    if (held) return;
    const began = Date.now();
    const timer = setTimeout(() => dismiss(toast.id), left.current);
    return () => {
      clearTimeout(timer);
      left.current = Math.max(1500, left.current - (Date.now() - began));
    };
  }, [held, toast.id, dismiss]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: holding it is a courtesy; nothing can only be done by pointing
    <div
      className={`pointer-events-auto flex w-full max-w-md animate-rise items-center gap-2 rounded-control border-l-4 bg-raised py-1.5 pr-1.5 pl-4 text-sm shadow-float ${TONES[toast.tone]}`}
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <p className="min-w-0 flex-1 py-1.5">{toast.text}</p>
      {toast.action && (
        <button
          type="button"
          className="min-h-9 rounded-control px-3 font-medium text-accent hover:bg-sunken"
          onClick={() => {
            toast.action?.run();
            dismiss(toast.id);
          }}
        >
          {toast.action.label}
        </button>
      )}
      <button
        type="button"
        aria-label="Dismiss"
        className="grid size-9 place-items-center rounded-control text-muted hover:bg-sunken hover:text-ink"
        onClick={() => dismiss(toast.id)}
      >
        <X className="size-4" aria-hidden />
      </button>
    </div>
  );
}
