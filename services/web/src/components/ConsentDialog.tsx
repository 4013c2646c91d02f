import { ApiError, type ConsentView } from "genai-images-client";
import { ExternalLink } from "lucide-react";
import { useConsent, useGiveConsent } from "@/api/consent";
import { calendarDate, date } from "@/lib/format";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { ErrorNotice, Notice } from "./Notice";

type ConsentDialogProps = { agreeLabel: string; onAnswer(agreed: boolean): void };

/** Shows the current terms and privacy notice, and records that the owner agrees to them. */
export function ConsentDialog({ agreeLabel, onAnswer }: ConsentDialogProps) {
  const { data: consent, isFetching } = useConsent();
  const give = useGiveConsent();
  if (!consent) return null;
  const outdated = give.error instanceof ApiError && give.error.status === 422;
  return (
    <Dialog title="Terms and privacy notice" onClose={() => onAnswer(false)}>
      <div className="grid gap-4 text-sm">
        <p>{reason(consent)}</p>
        <ul className="grid gap-2">
          <Document
            name="Terms of use"
            href="/reference/terms"
            version={consent.current_terms}
            agreed={consent.terms}
          />
          <Document
            name="Privacy notice"
            href="/reference/privacy-notice"
            version={consent.current_privacy_notice}
            agreed={consent.privacy_notice}
          />
        </ul>
        <p className="text-muted">
          Your consent is stored with the time and the id of your API key. It applies to everyone who uses a key of the
          same owner. You can withdraw it in the settings.
        </p>
        {outdated ? (
          <Notice tone="warning" title="A newer version was published" live>
            Read the current versions, then agree to them.
          </Notice>
        ) : (
          give.error && <ErrorNotice error={give.error} />
        )}
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={() => onAnswer(false)}>Not now</Button>
          <Button
            variant="primary"
            disabled={give.isPending || isFetching}
            onClick={() => give.mutate(consent, { onSuccess: () => onAnswer(true) })}
          >
            {give.isPending ? "Saving…" : agreeLabel}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

function reason({ given_at, withdrawn_at }: ConsentView): string {
  if (withdrawn_at) return `You withdrew your consent on ${date(withdrawn_at)}. To generate images, agree again.`;
  if (given_at)
    return `New versions were published after you agreed on ${date(given_at)}. To generate images, agree to them.`;
  return "Read these documents. To generate images, agree to them.";
}

type DocumentProps = { name: string; href: string; version: string; agreed: string | undefined };

function Document({ name, href, version, agreed }: DocumentProps) {
  return (
    <li className="grid gap-0.5 rounded-control bg-sunken px-4 py-3">
      <a
        href={href}
        target="_blank"
        rel="noreferrer"
        className="flex items-center gap-1.5 justify-self-start font-medium text-accent underline underline-offset-4"
      >
        {name}
        <ExternalLink className="size-3.5" aria-hidden />
        <span className="sr-only"> (opens in a new tab)</span>
      </a>
      <p className="text-muted">
        Version of {calendarDate(version)}
        {agreed && agreed !== version && `. You agreed to that of ${calendarDate(agreed)}.`}
      </p>
    </li>
  );
}
