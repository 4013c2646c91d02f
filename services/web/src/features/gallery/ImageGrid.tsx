import type { ImageSummary } from "genai-images-client";
import { Heart } from "lucide-react";
import { type KeyboardEvent, useRef, useState } from "react";
import { Link } from "react-router";
import { useFavourite } from "@/api/images";
import { ProgressiveImage } from "@/components/ProgressiveImage";
import { timeAgo } from "@/lib/format";
import { nextIndex } from "./gridNavigation";

type ImageGridProps = { images: ImageSummary[]; search: string; onLoadError(): void };

/** The approximate height of a row. */
const ROW = "[--row:9rem] sm:[--row:15rem]";

/** Images in rows, uncropped and in order. One tab stop; the arrow keys move between images (roving tabindex). */
export function ImageGrid({ images, search, onLoadError }: ImageGridProps) {
  const list = useRef<HTMLUListElement>(null);
  const [active, setActive] = useState<string>();
  const current = images.some(({ id }) => id === active) ? active : images[0]?.id;

  const move = (event: KeyboardEvent) => {
    const links = [...(list.current?.querySelectorAll<HTMLAnchorElement>("a[data-grid-item]") ?? [])];
    const at = links.indexOf(document.activeElement as HTMLAnchorElement);
    const to = nextIndex(
      event.key,
      at,
      links.map((link) => link.getBoundingClientRect()),
    );
    if (to === null) return;
    event.preventDefault();
    links[to]?.focus();
  };

  return (
    <ul ref={list} onKeyDown={move} className={`flex flex-wrap gap-2 sm:gap-3 ${ROW}`} aria-label="Images">
      {images.map((image, index) => {
        const ratio = image.width / image.height;
        return (
          <li
            key={image.id}
            className="group relative min-w-0"
            style={{ flexGrow: ratio * 100, flexBasis: `calc(var(--row) * ${ratio})` }}
          >
            <Link
              data-grid-item
              to={{ pathname: `/gallery/${image.id}`, search }}
              tabIndex={image.id === current ? 0 : -1}
              onFocus={() => setActive(image.id)}
              className="block rounded-image"
              preventScrollReset
            >
              <ProgressiveImage
                src={image.display_url}
                thumbnail={{
                  src: image.thumbnail_url,
                  width: Math.round(320 * Math.min(1, ratio)),
                }}
                sizedUrl={image.sized_url}
                sizes="(max-width: 40rem) 45vw, 22rem"
                alt={image.caption}
                width={image.width}
                height={image.height}
                placeholder={image.placeholder}
                eager={index < 6}
                onLoadError={onLoadError}
              />
              <span className="pointer-events-none absolute inset-x-0 bottom-0 hidden rounded-b-image bg-linear-to-t from-black/75 to-transparent px-3 pt-10 pb-2.5 text-white opacity-0 transition-opacity group-focus-within:opacity-100 group-hover:opacity-100 sm:block">
                <span className="line-clamp-2 text-xs" aria-hidden>
                  {image.caption}
                </span>
                <span className="margin-note text-white/80">{timeAgo(image.created_at)}</span>
              </span>
            </Link>
            <FavouriteButton image={image} reachable={image.id === current} />
          </li>
        );
      })}
      <li className="h-0 grow-[9999] basis-64" aria-hidden />
    </ul>
  );
}

function FavouriteButton({ image, reachable }: { image: ImageSummary; reachable: boolean }) {
  const favourite = useFavourite();
  return (
    <button
      type="button"
      tabIndex={reachable ? 0 : -1}
      aria-pressed={image.favourite}
      aria-label={`Favourite: ${image.caption}`}
      onClick={() => favourite.mutate({ id: image.id, favourite: !image.favourite })}
      className="absolute top-1.5 right-1.5 grid size-9 place-items-center rounded-full bg-black/45 text-white opacity-100 backdrop-blur-xs transition-opacity hover:bg-black/70 focus-visible:opacity-100 group-focus-within:opacity-100 group-hover:opacity-100 aria-pressed:opacity-100 sm:opacity-0"
    >
      <Heart className={`size-4 ${image.favourite ? "fill-current text-[#ff8361]" : ""}`} aria-hidden />
    </button>
  );
}

const SKELETON_RATIOS = [1.5, 0.8, 1, 1.8, 0.7, 1, 1.4, 1, 0.75, 1.6];

export function ImageGridSkeleton() {
  return (
    <div className={`flex flex-wrap gap-2 sm:gap-3 ${ROW}`} role="status" aria-label="Loading images">
      {SKELETON_RATIOS.map((ratio, index) => (
        <div
          // biome-ignore lint/suspicious/noArrayIndexKey: the placeholders are identical and static
          key={index}
          className="animate-pulse-soft rounded-image bg-sunken"
          style={{ flexGrow: ratio * 100, flexBasis: `calc(var(--row) * ${ratio})`, aspectRatio: ratio }}
        />
      ))}
    </div>
  );
}
