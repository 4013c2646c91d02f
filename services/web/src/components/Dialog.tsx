import { type ReactNode, useEffect, useId, useRef } from "react";

type DialogProps = { title: string; quietTitle?: boolean; onClose(): void; className?: string; children: ReactNode };

/** The browser's own modal dialog: it keeps the focus, closes on Escape and hides the rest from screen readers. */
export function Dialog({ title, quietTitle = false, onClose, className = "", children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = element.current;
    if (!dialog) return;
    const before = document.activeElement;
    if (!dialog.open) dialog.showModal();
    return () => {
      dialog.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard's way out is Escape, which the browser gives to a dialog
    <dialog
      ref={element}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
      className={`m-auto max-h-[calc(100dvh-2rem)] w-[calc(100vw-2rem)] max-w-lg animate-rise overflow-auto rounded-card border border-line bg-surface p-6 shadow-float backdrop:bg-black/60 backdrop:backdrop-blur-xs ${className}`}
    >
      <h2 id={heading} className={quietTitle ? "sr-only" : "mb-3 font-semibold text-xl"}>
        {title}
      </h2>
      {children}
    </dialog>
  );
}
