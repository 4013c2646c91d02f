import { ApiError } from "genai-images-client";
import type { ReactNode } from "react";
import { isRetriable } from "@/api/errors";
import { useMe } from "@/api/me";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { ErrorNotice, Notice } from "@/components/Notice";
import { signIn, useSession } from "@/state/session";

/** Asks before the key of a link is used. */
export function SignInByLink() {
  const linkKey = useSession((session) => session.linkKey);
  return linkKey === null ? null : <Confirmation linkKey={linkKey} />;
}

const ignore = () => useSession.setState({ linkKey: null });

function Confirmation({ linkKey }: { linkKey: string }) {
  const key = useSession((session) => session.key);
  const link = useMe(linkKey);
  const current = useMe(key);
  if (link.isPending || (key !== null && current.isPending)) return null; // so that the focus starts on the first button
  return (
    <Dialog title="Sign in with this link?" onClose={ignore}>
      <div className="grid gap-5">
        {link.error ? (
          <Failure error={link.error} retry={() => void link.refetch()} />
        ) : key === null ? (
          <Choice owner={link.data.owner}>
            <Button variant="primary" onClick={() => void signIn(linkKey, true)}>
              Sign in as {link.data.owner}
            </Button>
            <Button onClick={ignore}>Ignore the link</Button>
          </Choice>
        ) : (
          <Choice owner={link.data.owner} current={current.data?.owner ?? "another owner"}>
            <Button variant="primary" onClick={ignore}>
              Stay signed in{current.data && ` as ${current.data.owner}`}
            </Button>
            <Button onClick={() => void signIn(linkKey, true)}>Sign in as {link.data.owner}</Button>
          </Choice>
        )}
      </div>
    </Dialog>
  );
}

function Choice({ owner, current, children }: { owner: string; current?: string; children: ReactNode }) {
  return (
    <>
      <div className="grid gap-3">
        <p>
          The link contains an API key of <strong className="break-words">{owner}</strong>. Images that you generate
          will belong to {owner}, and everyone with a key of {owner} can see them.
        </p>
        {current && (
          <p>
            You are signed in as <strong className="break-words">{current}</strong>. This session will end.
          </p>
        )}
        <p className="text-muted text-sm">Sign in only if you trust the sender of the link.</p>
      </div>
      <div className="flex flex-wrap justify-end gap-2">{children}</div>
    </>
  );
}

function Failure({ error, retry }: { error: Error; retry(): void }) {
  const refused = error instanceof ApiError && !isRetriable(error);
  return (
    <>
      {refused ? (
        <Notice tone="error" title="The key in this link was not accepted" live>
          It may be incomplete, revoked or expired. Ask your administrator for a new one.
        </Notice>
      ) : (
        <ErrorNotice error={error} retry={retry} />
      )}
      <Button className="justify-self-end" onClick={ignore}>
        Close
      </Button>
    </>
  );
}
