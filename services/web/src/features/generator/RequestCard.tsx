import { useState } from "react";
import { Link } from "react-router";
import { useModels } from "@/api/models";
import { type RequestView, useCancelRequest, useRequest } from "@/api/requests";
import { Button } from "@/components/Button";
import { ErrorNotice, Notice, Skeleton } from "@/components/Notice";
import { ProgressiveImage } from "@/components/ProgressiveImage";
import { timeAgo, plural, usd } from "@/lib/format";
import { draftFromRequest } from "@/lib/drafts";
import { isTerminal, statusLabel } from "@/lib/labels";
import { useDraft } from "@/state/draft";
import { GeneratingPlaceholder } from "./GeneratingPlaceholder";
import { explainOutcome } from "./requestOutcome";
import { ProgressSteps } from "./ProgressSteps";

/** One request: its frames, its way, and what became of it. */
export function RequestCard({ id, onEdit }: { id: string; onEdit(): void }) {
  const request = useRequest(id);
  if (request.isPending) return <CardSkeleton />;
  if (request.isError && !request.data) return <ErrorNotice error={request.error} retry={() => void request.refetch()} />;
  return <Card view={request.data} onEdit={onEdit} onStale={() => void request.refetch()} />;
}

type CardProps = { view: RequestView; onEdit(): void; onStale(): void };

function Card({ view, onEdit, onStale }: CardProps) {
  const models = useModels().data ?? [];
  const replace = useDraft((state) => state.replace);
  const prompt = typeof view.request.prompt === "string" ? view.request.prompt : "";
  const verdict = explainOutcome(view);
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
      <RequestImages view={view} prompt={prompt} onStale={onStale} />
      <ProgressSteps view={view} />
      {verdict && (
        <Notice
          tone={verdict.tone}
          title={verdict.title}
          action={verdict.canEdit && <Button onClick={edit}>Edit and try again</Button>}
        >
          {verdict.text}
        </Notice>
      )}
      {(view.removed?.length ?? 0) > 0 && (
        <p className="text-muted text-sm">
          {plural(view.removed?.length ?? 0, "picture was", "pictures were")} not kept; the others were.
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
          {view.status === "succeeded" && (
            <Button variant="ghost" onClick={edit}>
              Use these settings
            </Button>
          )}
        </div>
      </footer>
    </article>
  );
}

const COLUMNS: Record<number, string> = { 1: "grid-cols-1", 2: "grid-cols-2", 3: "grid-cols-3", 4: "grid-cols-2" };

function RequestImages({ view, prompt, onStale }: { view: RequestView; prompt: string; onStale(): void }) {
  const running = !isTerminal(view.status);
  const number = (name: string, otherwise: number) =>
    typeof view.request[name] === "number" ? (view.request[name] as number) : otherwise;
  const [width, height, wanted] = [number("width", 1024), number("height", 1024), number("count", 1)];
  const pictures = (view.images ?? []).filter(({ deleted_at }) => !deleted_at);
  const shown = running ? wanted : pictures.length;
  if (shown === 0) return null;
  const narrow = shown === 1 && height > width;
  return (
    <div
      className={`grid gap-2 ${COLUMNS[shown] ?? "grid-cols-2"} ${narrow ? "max-w-72" : shown === 1 ? "max-w-xl" : "max-w-2xl"}`}
    >
      {running
        ? Array.from({ length: wanted }, (_, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a frame is its index and nothing else yet
            <GeneratingPlaceholder key={index} width={width} height={height} status={view.status} delay={index} />
          ))
        : pictures.map((image) => (
            <Link key={image.id} to={`/gallery/${image.id}`} className="rounded-image">
              <ProgressiveImage
                src={image.display_url}
                alt={pictures.length > 1 ? `${prompt} (${image.index + 1} of ${wanted})` : prompt}
                width={image.width}
                height={image.height}
                placeholder={image.placeholder}
                onStale={onStale}
              />
            </Link>
          ))}
    </div>
  );
}

function CancelButton({ id, status }: { id: string; status: string }) {
  const cancel = useCancelRequest(id);
  const [late, setLate] = useState(false);
  const possible = status === "accepted" || status === "generating" || status === "stalled";
  if (!possible || late) return null;
  return (
    <Button
      variant="ghost"
      disabled={cancel.isPending}
      onClick={() => cancel.mutate(undefined, { onError: () => setLate(true) })}
    >
      Take back
    </Button>
  );
}

export function CardSkeleton() {
  return (
    <div
      className="grid gap-4 rounded-card border border-line bg-surface p-5"
      role="status"
      aria-label="Loading a request"
    >
      <Skeleton className="h-5 w-2/3" />
      <Skeleton className="aspect-video max-w-xl" />
      <Skeleton className="h-8" />
    </div>
  );
}
