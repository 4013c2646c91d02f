import { defaultRangeExtractor, useWindowVirtualizer } from "@tanstack/react-virtual";
import type { ImageSummary } from "genai-images-client";
import { Heart } from "lucide-react";
import { type KeyboardEvent, useLayoutEffect, useMemo, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { Link } from "react-router";
import { useFavourite } from "@/api/images";
import { ProgressiveImage } from "@/components/ProgressiveImage";
import { timeAgo } from "@/lib/format";
import { nextIndex } from "./gridNavigation";
import { layOut, type Place } from "./layout";
import { useGridSize } from "./useGridSize";

type ImageGridProps = { images: ImageSummary[]; search: string; onLoadError(id: string): void };

/** The approximate height of a row. */
const ROW = "[--row:9rem] sm:[--row:15rem]";

/** Rows beyond the visible ones that exist, so that scrolling shows images and not their places. */
const OVERSCAN = 4;

/**
 * Images in rows, uncropped and in order. One tab stop; the arrow keys move between images (roving tabindex).
 * Only rows near the visible ones exist, and the row of the tab stop, so a long gallery needs no more memory.
 */
export function ImageGrid({ images, search, onLoadError }: ImageGridProps) {
  const list = useRef<HTMLUListElement>(null);
  const [active, setActive] = useState<string>();
  const { width, row, gap, top } = useGridSize(list);
  const { places, rows } = useMemo(() => layOut(images, width, row, gap), [images, width, row, gap]);
  const current = Math.max(
    0,
    images.findIndex(({ id }) => id === active),
  );
  const currentRow = places[current]?.row ?? 0;
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: (index) => rows[index]?.height ?? 0,
    gap,
    overscan: OVERSCAN,
    scrollMargin: top,
    rangeExtractor: (range) => [...new Set([...defaultRangeExtractor(range), currentRow])].sort((a, b) => a - b),
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: heights are kept until `measure` is called
  useLayoutEffect(() => virtualizer.measure(), [rows]);

  const move = (event: KeyboardEvent) => {
    const focused = document.activeElement?.closest("li")?.getAttribute("data-image");
    const at = images.findIndex(({ id }) => id === focused);
    const to = nextIndex(event.key, at, places);
    if (to === null) return;
    event.preventDefault();
    flushSync(() => setActive(images[to]?.id)); // so that its row exists
    list.current?.querySelector<HTMLAnchorElement>(`[data-image="${images[to]?.id}"] a`)?.focus();
  };

  const shown = virtualizer.getVirtualItems().flatMap(({ index }) => {
    const first = rows[index]?.first ?? 0;
    return images.slice(first, rows[index + 1]?.first).map((image, offset) => ({ image, index: first + offset }));
  });
  return (
    <ul
      ref={list}
      onKeyDown={move}
      className="relative"
      style={{ height: virtualizer.getTotalSize() }}
      aria-label="Images"
    >
      {shown.map(({ image, index }) => {
        const { row: _, ...place } = places[index] as Place;
        return (
          <li
            key={image.id}
            data-image={image.id}
            aria-setsize={images.length}
            aria-posinset={index + 1}
            className="group absolute"
            style={place}
          >
            <Link
              to={{ pathname: `/gallery/${image.id}`, search }}
              tabIndex={index === current ? 0 : -1}
              onFocus={() => setActive(image.id)}
              className="block rounded-image"
              preventScrollReset
            >
              <ProgressiveImage
                src={image.display_url}
                thumbnail={{
                  src: image.thumbnail_url,
                  width: Math.round(320 * Math.min(1, image.width / image.height)),
                }}
                sizedUrl={image.sized_url}
                sizes={`${Math.ceil(place.width)}px`}
                alt={image.caption}
                width={image.width}
                height={image.height}
                placeholder={image.placeholder}
                eager={index < 6}
                onLoadError={() => onLoadError(image.id)}
              />
              <span className="pointer-events-none absolute inset-x-0 bottom-0 hidden rounded-b-image bg-linear-to-t from-black/75 to-transparent px-3 pt-10 pb-2.5 text-white opacity-0 transition-opacity group-focus-within:opacity-100 group-hover:opacity-100 sm:block">
                <span className="line-clamp-2 text-xs" aria-hidden>
                  {image.caption}
                </span>
                <span className="margin-note text-white/80">{timeAgo(image.created_at)}</span>
              </span>
            </Link>
            <FavouriteButton image={image} reachable={index === current} />
          </li>
        );
      })}
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
