import { X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { type Toast, useToasts } from "@/state/toasts";

const TONES = { info: "border-line", success: "border-good", error: "border-bad" };

/** Shows temporary messages. Hovering or focusing a message pauses its timer. */
export function Toaster() {
  const toasts = useToasts((state) => state.toasts);
  return (
    <section
      aria-label="Notifications"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-4 bottom-20 z-50 grid justify-items-center gap-2 sm:bottom-6"
    >
      {toasts.map((toast) => (
        <ToastMessage key={toast.id} toast={toast} />
      ))}
    </section>
  );
}

function ToastMessage({ toast }: { toast: Toast }) {
  const dismiss = useToasts((state) => state.dismiss);
  const [paused, setPaused] = useState(false);
  const remaining = useRef(toast.durationMs);
  useEffect(() => {
    if (paused) return;
    const startedAt = Date.now();
    const timer = setTimeout(() => dismiss(toast.id), remaining.current);
    return () => {
      clearTimeout(timer);
      remaining.current = Math.max(1500, remaining.current - (Date.now() - startedAt));
    };
  }, [paused, toast.id, dismiss]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: pausing is a convenience; every action is reachable by keyboard
    <div
      className={`pointer-events-auto flex w-full max-w-md animate-rise items-center gap-2 rounded-control border-l-4 bg-raised py-1.5 pr-1.5 pl-4 text-sm shadow-float ${TONES[toast.tone]}`}
      onPointerEnter={() => setPaused(true)}
      onPointerLeave={() => setPaused(false)}
      onFocus={() => setPaused(true)}
      onBlur={() => setPaused(false)}
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
