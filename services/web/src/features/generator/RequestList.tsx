import { type Mutation, type MutationState, useMutationState, useQueryClient } from "@tanstack/react-query";
import { ApiError } from "genai-images-client";
import { lacksConsent } from "@/api/consent";
import { isRetriable } from "@/api/errors";
import { CREATE_REQUEST, type Submission, useCreateRequest, useRequests } from "@/api/requests";
import { Button, ButtonLink } from "@/components/Button";
import { EmptyState, ErrorNotice } from "@/components/Notice";
import { useDeletions } from "@/state/deletions";
import { useDraft } from "@/state/draft";
import { GeneratingPlaceholder } from "./GeneratingPlaceholder";
import { CardSkeleton, RequestCard } from "./RequestCard";

/** Shows recent requests, newest first: being sent, in progress and finished. */
export function RequestList({ onEdit }: { onEdit(): void }) {
  const requests = useRequests();
  const deleted = useDeletions((state) => state.ids);
  const visible = requests.data?.filter(({ id }) => !deleted.has(id));
  const submissions = useMutationState({
    filters: {
      mutationKey: CREATE_REQUEST,
      predicate: ({ state }) => state.status === "pending" || state.status === "error",
    },
    // The state too: the mutation itself stays the same object, and the list would not be rendered again.
    select: (mutation) => ({ mutation, state: mutation.state as MutationState<unknown, Error, Submission> }),
  });
  const empty = visible?.length === 0 && submissions.length === 0;
  return (
    <section aria-label="Your requests" className="grid min-w-0 gap-5">
      {[...submissions].reverse().map((submission) => (
        <SubmissionCard key={submission.mutation.mutationId} {...submission} onEdit={onEdit} />
      ))}
      {requests.isError && !requests.data && (
        <ErrorNotice error={requests.error} retry={() => void requests.refetch()} />
      )}
      {requests.isPending && <CardSkeleton />}
      {visible?.map(({ id }) => (
        <RequestCard key={id} id={id} onEdit={onEdit} />
      ))}
      {empty && (
        <EmptyState title="Your images will appear here">
          Describe an image and select Generate. You can start the next one while the first is still in progress.
        </EmptyState>
      )}
      {(visible?.length ?? 0) > 8 && (
        <ButtonLink to="/gallery" className="justify-self-center">
          View all images in the gallery
        </ButtonLink>
      )}
    </section>
  );
}

type SubmissionProps = {
  mutation: Mutation;
  state: MutationState<unknown, Error, Submission>;
  onEdit(): void;
};

/** A submission that the API has not accepted yet: being sent, waiting for a connection, or failed. */
function SubmissionCard({ mutation, state, onEdit }: SubmissionProps) {
  const client = useQueryClient();
  const create = useCreateRequest();
  const replace = useDraft((state) => state.replace);
  const { variables, isPaused, error, status } = state;
  if (!variables) return null;
  const discard = () => client.getMutationCache().remove(mutation);
  return (
    <article
      aria-label={`Sending: ${variables.body.prompt.slice(0, 80)}`}
      className="grid gap-4 rounded-card border border-line border-dashed bg-surface p-4 sm:p-5"
    >
      <header className="flex items-start justify-between gap-4">
        <p className="line-clamp-2 font-medium text-sm leading-relaxed">{variables.body.prompt}</p>
        <p className="margin-note shrink-0 text-muted" role="status">
          {status === "error" ? "Not sent" : isPaused ? "Waiting for a connection" : "Sending"}
        </p>
      </header>
      {status === "error" && error ? (
        <>
          <ErrorNotice error={error} />
          <div className="flex flex-wrap gap-2">
            {(isRetriable(error) || lacksConsent(error) || (error instanceof ApiError && error.status === 429)) && (
              <Button
                onClick={() => {
                  discard();
                  create.mutate(variables);
                }}
              >
                {lacksConsent(error) ? "Read and agree" : "Try again"}
              </Button>
            )}
            <Button
              onClick={() => {
                discard();
                replace(variables.body);
                onEdit();
              }}
            >
              Edit
            </Button>
            <Button variant="ghost" onClick={discard}>
              Dismiss
            </Button>
          </div>
        </>
      ) : (
        <div className="max-w-xl">
          <GeneratingPlaceholder width={16} height={9} status="accepted" delay={0} />
        </div>
      )}
    </article>
  );
}
