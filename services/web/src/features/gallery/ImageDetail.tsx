import type { ImageView } from "genai-images-client";
import { ChevronLeft, ChevronRight, X } from "lucide-react";
import { useEffect } from "react";
import { useLocation, useNavigate, useOutletContext, useParams } from "react-router";
import { useImage } from "@/api/images";
import { IconButton } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { ErrorNotice, Skeleton } from "@/components/Notice";
import { ProgressiveImage } from "@/components/ProgressiveImage";
import { Title } from "@/components/Title";
import type { GalleryContext } from "./Gallery";
import { ImageActions } from "./ImageActions";
import { ImageMetadata } from "./ImageMetadata";
import { ShareLinks } from "./ShareLinks";

/** Shows one image and its metadata in a dialog over the gallery. */
export function ImageDetail() {
  const { imageId = "" } = useParams();
  const { ids } = useOutletContext<GalleryContext>();
  const { search } = useLocation();
  const navigate = useNavigate();
  const image = useImage(imageId);
  const at = ids.indexOf(imageId);
  const go = (id: string | undefined) => {
    if (id) void navigate({ pathname: `/gallery/${id}`, search }, { replace: true, preventScrollReset: true });
  };
  const close = () => void navigate({ pathname: "/gallery", search }, { preventScrollReset: true });
  const [newer, older] = [at > 0 ? ids[at - 1] : undefined, at >= 0 ? ids[at + 1] : undefined];

  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && event.target.closest("input, textarea, select, fieldset");
      if (typing || event.metaKey || event.ctrlKey || event.altKey) return;
      if (event.key === "ArrowLeft") go(newer);
      if (event.key === "ArrowRight") go(older);
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  });

  return (
    <Dialog title={image.data ? `Image: ${image.data.prompt.slice(0, 100)}` : "Image"} hideTitle onClose={close} wide>
      <Title>{image.data ? image.data.prompt.slice(0, 60) : "Image"}</Title>
      <div className="grid lg:grid-cols-[minmax(0,1fr)_24rem]">
        <div className="relative grid min-h-60 place-items-center bg-sunken p-0 sm:p-6">
          <LargeImage image={image.data} onLoadError={() => void image.refetch()} />
          <NavigationButton side="left" label="Newer image" onClick={newer ? () => go(newer) : undefined} />
          <NavigationButton side="right" label="Older image" onClick={older ? () => go(older) : undefined} />
        </div>
        <div className="relative grid content-start gap-6 p-5 sm:p-6 lg:max-h-[calc(100dvh-4rem)] lg:overflow-y-auto">
          <IconButton label="Close" onClick={close} className="absolute! top-3 right-3">
            <X className="size-5" aria-hidden />
          </IconButton>
          {image.isError && !image.data && <ErrorNotice error={image.error} retry={() => void image.refetch()} />}
          {image.isPending && <ImageDetailSkeleton />}
          {image.data && (
            <>
              <p className="pr-10 font-display font-medium text-xl leading-snug">{image.data.prompt}</p>
              <ImageActions image={image.data} onDelete={close} />
              <ImageMetadata image={image.data} />
              <ShareLinks key={image.data.id} id={image.data.id} />
            </>
          )}
        </div>
      </div>
    </Dialog>
  );
}

function LargeImage({ image, onLoadError }: { image: ImageView | undefined; onLoadError(): void }) {
  if (!image) return <Skeleton className="aspect-square w-full max-w-2xl" />;
  const ratio = image.width / image.height;
  return (
    <div className="w-full" style={{ maxWidth: `calc((100dvh - 9rem) * ${ratio})` }}>
      <ProgressiveImage
        key={image.id}
        src={image.display.url}
        sizedUrl={image.sized_url}
        sizes={`(min-width: 64rem) min(100vw - 30rem, (100dvh - 9rem) * ${ratio}), 100vw`}
        alt={image.prompt}
        width={image.width}
        height={image.height}
        placeholder={image.placeholder}
        eager
        onLoadError={onLoadError}
      />
    </div>
  );
}

type NavigationButtonProps = { side: "left" | "right"; label: string; onClick: (() => void) | undefined };

function NavigationButton({ side, label, onClick }: NavigationButtonProps) {
  if (!onClick) return null;
  const Icon = side === "left" ? ChevronLeft : ChevronRight;
  return (
    <button
      type="button"
      aria-label={label}
      title={`${label} (${side === "left" ? "←" : "→"})`}
      onClick={onClick}
      className={`absolute top-1/2 grid size-11 -translate-y-1/2 place-items-center rounded-full bg-black/45 text-white backdrop-blur-xs transition-colors hover:bg-black/75 ${side === "left" ? "left-2" : "right-2"}`}
    >
      <Icon className="size-5" aria-hidden />
    </button>
  );
}

function ImageDetailSkeleton() {
  return (
    <div className="grid gap-4" role="status" aria-label="Loading the image">
      <Skeleton className="h-14" />
      <Skeleton className="h-10 w-2/3" />
      <Skeleton className="h-48" />
    </div>
  );
}
