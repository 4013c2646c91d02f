import { isTerminal, type RequestView, type Status } from "genai-images-client";
import { useState } from "react";
import { Link } from "react-router";
import { useModels } from "@/api/models";
import { useCancelRequest, useDeleteRequest, useRequest } from "@/api/requests";
import { Button } from "@/components/Button";
import { ErrorNotice, Notice, Skeleton } from "@/components/Notice";
import { ProgressiveImage } from "@/components/ProgressiveImage";
import { draftFromRequest } from "@/lib/drafts";
import { plural, timeAgo, usd } from "@/lib/format";
import { statusLabel } from "@/lib/labels";
import { UNDO_MILLISECONDS, useDeletions } from "@/state/deletions";
import { useDraft } from "@/state/draft";
import { showToast } from "@/state/toasts";
import { Appeal } from "./Appeal";
import { GeneratingPlaceholder } from "./GeneratingPlaceholder";
import { ProgressSteps } from "./ProgressSteps";
import { explainOutcome, isAppealable } from "./requestOutcome";

/** Shows one request: its images, progress and outcome. */
export function RequestCard({ id, onEdit }: { id: string; onEdit(): void }) {
  const request = useRequest(id);
  if (request.isPending) return <CardSkeleton />;
  if (request.isError && !request.data)
    return <ErrorNotice error={request.error} retry={() => void request.refetch()} />;
  return <Card view={request.data} onEdit={onEdit} onLoadError={() => void request.refetch()} />;
}

type CardProps = { view: RequestView; onEdit(): void; onLoadError(): void };

function Card({ view, onEdit, onLoadError }: CardProps) {
  const models = useModels().data ?? [];
  const replace = useDraft((state) => state.replace);
  const { prompt } = view.request;
  const outcome = explainOutcome(view);
  const images = view.images ?? [];
  const cost = images.reduce((sum, image) => sum + Number(image.cost_usd), 0);
  const edit = () => {
    replace(draftFromRequest(view.request, models));
    onEdit();
  };
  return (
    <article
      aria-label={`Request: ${prompt.slice(0, 80)}`}
      className="grid animate-rise gap-4 rounded-card border border-line bg-surface p-4 shadow-card sm:p-5"
    >
      <header className="flex items-start justify-between gap-4">
        <p className="line-clamp-2 font-medium text-sm leading-relaxed">{prompt}</p>
        <p className="margin-note shrink-0 pt-0.5 text-right text-muted">
          <span role="status">{statusLabel(view.status)}</span>
          <br />
          {timeAgo(view.created_at)}
        </p>
      </header>
      <RequestImages view={view} prompt={prompt} onLoadError={onLoadError} />
      <ProgressSteps view={view} />
      {outcome && (
        <Notice
          tone={outcome.tone}
          title={outcome.title}
          action={outcome.canEdit && <Button onClick={edit}>Edit and try again</Button>}
        >
          {outcome.text}
        </Notice>
      )}
      {isAppealable(view) && <Appeal requestId={view.id} />}
      {(view.removed?.length ?? 0) > 0 && (
        <p className="text-muted text-sm">
          {plural(view.removed?.length ?? 0, "image was", "images were")} blocked or could not be generated.
        </p>
      )}
      <footer className="flex flex-wrap items-center justify-between gap-2">
        <p className="margin-note text-muted">
          {[images[0]?.model, images[0] && `seed ${images[0].seed}`, cost > 0 && usd(cost)]
            .filter(Boolean)
            .join(" · ") || view.id}
        </p>
        <div className="-mr-2 flex gap-1">
          {!isTerminal(view.status) && <CancelButton id={view.id} status={view.status} />}
          {isTerminal(view.status) && <DeleteButton id={view.id} />}
          {view.status === "succeeded" && (
            <Button variant="ghost" onClick={edit}>
              Use settings
            </Button>
          )}
        </div>
      </footer>
    </article>
  );
}

const COLUMNS: Record<number, string> = { 1: "grid-cols-1", 2: "grid-cols-2", 3: "grid-cols-3", 4: "grid-cols-2" };

function RequestImages({ view, prompt, onLoadError }: { view: RequestView; prompt: string; onLoadError(): void }) {
  const running = !isTerminal(view.status);
  const requested = view.request.count;
  const { width, height } = view.request;
  const images = (view.images ?? []).filter(({ deleted_at }) => !deleted_at);
  const total = running ? requested : images.length;
  if (total === 0) return null;
  const portrait = total === 1 && height > width;
  return (
    <div
      className={`grid gap-2 ${COLUMNS[total] ?? "grid-cols-2"} ${portrait ? "max-w-72" : total === 1 ? "max-w-xl" : "max-w-2xl"}`}
    >
      {running
        ? Array.from({ length: requested }, (_, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a placeholder has no identity besides its index
            <GeneratingPlaceholder key={index} width={width} height={height} status={view.status} delay={index} />
          ))
        : images.map((image) => (
            <Link key={image.id} to={`/gallery/${image.id}`} className="rounded-image">
              <ProgressiveImage
                src={image.display_url}
                alt={images.length > 1 ? `${prompt} (${image.index + 1} of ${requested})` : prompt}
                width={image.width}
                height={image.height}
                placeholder={image.placeholder}
                onLoadError={onLoadError}
              />
            </Link>
          ))}
    </div>
  );
}

function CancelButton({ id, status }: { id: string; status: Status }) {
  const cancel = useCancelRequest(id);
  const [tooLate, setTooLate] = useState(false);
  const possible = status === "accepted" || status === "generating" || status === "stalled";
  if (!possible || tooLate) return null;
  return (
    <Button
      variant="ghost"
      disabled={cancel.isPending}
      onClick={() => cancel.mutate(undefined, { onError: () => setTooLate(true) })}
    >
      Cancel
    </Button>
  );
}

/** Hides the request immediately and deletes it once the undo period has passed. */
function DeleteButton({ id }: { id: string }) {
  const { schedule, undo } = useDeletions();
  const deletion = useDeleteRequest(id, () => {
    undo(id);
    showToast("The request could not be deleted. It is back in the list.", { tone: "error" });
  });
  const remove = () => {
    schedule(id, () => deletion.mutate());
    showToast("Request deleted, with its prompt and images.", {
      durationMs: UNDO_MILLISECONDS - 500,
      action: { label: "Undo", run: () => undo(id) },
    });
  };
  return (
    <Button variant="ghost" onClick={remove}>
      Delete
    </Button>
  );
}

export function CardSkeleton() {
  return (
    <div
      className="grid gap-4 rounded-card border border-line bg-surface p-5"
      role="status"
      aria-label="Loading request"
    >
      <Skeleton className="h-5 w-2/3" />
      <Skeleton className="aspect-video max-w-xl" />
      <Skeleton className="h-8" />
    </div>
  );
}
