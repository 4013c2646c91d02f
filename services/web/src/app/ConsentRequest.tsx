import { ConsentDialog } from "@/components/ConsentDialog";
import { useConsentQuestion } from "@/state/consent";

/** Asks for the consent that an action waits for. */
export function ConsentRequest() {
  const answer = useConsentQuestion((question) => question.answer);
  return answer && <ConsentDialog agreeLabel="Agree and continue" onAnswer={answer} />;
}
