import { type ReactNode, useEffect, useId, useRef } from "react";

type DialogProps = { title: string; hideTitle?: boolean; wide?: boolean; onClose(): void; children: ReactNode };

const NARROW = "m-auto max-h-[calc(100dvh-2rem)] w-[calc(100vw-2rem)] max-w-lg rounded-card border p-6";
/** Nearly the whole window, and all of it on a phone. */
const WIDE =
  "m-0 h-dvh max-h-dvh w-dvw max-w-none sm:m-auto sm:h-fit sm:max-h-[calc(100dvh-2rem)] sm:w-[calc(100vw-2rem)] sm:max-w-[84rem] sm:rounded-card sm:border";

/** A native modal dialog: it traps the focus, closes on Escape and hides the rest of the page from screen readers. */
export function Dialog({ title, hideTitle = false, wide = false, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = element.current;
    if (!dialog) return;
    const opener = document.activeElement;
    if (!dialog.open) dialog.showModal();
    return () => {
      dialog.close();
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard equivalent is Escape, which the browser handles
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
      className={`animate-rise overflow-auto border-line bg-surface shadow-float backdrop:bg-black/60 backdrop:backdrop-blur-xs ${wide ? WIDE : NARROW}`}
    >
      <h2 id={heading} className={hideTitle ? "sr-only" : "mb-3 font-semibold text-xl"}>
        {title}
      </h2>
      {children}
    </dialog>
  );
}
