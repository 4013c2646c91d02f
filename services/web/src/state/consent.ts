import { create } from "zustand";

type ConsentQuestion = { answer: ((agreed: boolean) => void) | null };

/** The open question for consent; `answer` closes it. */
export const useConsentQuestion = create<ConsentQuestion>(() => ({ answer: null }));

let asked: Promise<boolean> | null = null;

/** Ask for consent, once for everything that waits for it. Return whether the user agreed. */
export function askForConsent(): Promise<boolean> {
  asked ??= new Promise<boolean>((resolve) => useConsentQuestion.setState({ answer: resolve })).finally(() => {
    asked = null;
    useConsentQuestion.setState({ answer: null });
  });
  return asked;
}
