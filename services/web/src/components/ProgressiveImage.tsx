import { decode } from "blurhash";
import { useEffect, useRef, useState } from "react";
import { storeShownImage, urlWithCache } from "@/lib/imageCache";
import { offeredWidths, urlInWidth } from "@/lib/sizedImages";
import { forgetStableUrl, stableUrl } from "@/lib/stableUrl";
import { useSession } from "@/state/session";

const RESOLUTION = 32;

/** Renders a BlurHash on a canvas: the blurred colours of an image that is still loading. */
export function BlurHashPlaceholder({ hash, className = "" }: { hash: string; className?: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    try {
      const image = context.createImageData(RESOLUTION, RESOLUTION);
      image.data.set(decode(hash, RESOLUTION, RESOLUTION));
      context.putImageData(image, 0, 0);
    } catch {
      // Not a valid BlurHash: the background colour remains.
    }
  }, [hash]);
  return (
    <canvas ref={canvas} width={RESOLUTION} height={RESOLUTION} className={`size-full ${className}`} aria-hidden />
  );
}

type ProgressiveImageProps = {
  src: string | undefined;
  alt: string;
  width: number;
  height: number;
  placeholder?: string | undefined;
  /** A smaller file of the same image, for small layouts. `width` is in pixels. */
  thumbnail?: { src: string; width: number } | undefined;
  /** The same image in every width, with `{width}` in the place of the width. Without it, the files above are shown. */
  sizedUrl?: string | undefined;
  /** How wide the image is shown, as in the attribute of the same name. */
  sizes?: string;
  eager?: boolean;
  className?: string;
  /** Called if the file did not load, for example because its signed URL has expired. */
  onLoadError?: () => void;
};

/** An image that reserves its space, shows its BlurHash while loading, and fades in. */
export function ProgressiveImage({
  src,
  alt,
  width,
  height,
  placeholder,
  thumbnail,
  sizedUrl,
  sizes,
  eager = false,
  className = "",
  onLoadError,
}: ProgressiveImageProps) {
  const [state, setState] = useState<"loading" | "loaded" | "failed">("loading");
  const [failedSizedUrl, setFailedSizedUrl] = useState<string>();
  const failedSource = useRef<string>(undefined);
  // URLs expire while a page is open. After a failure, a new URL is asked for once: if it fails too, the file is gone.
  useEffect(() => {
    if (failedSource.current === undefined || failedSource.current === src) return;
    setState((now) => (now === "failed" ? "loading" : now));
  }, [src]);
  const imageCache = useSession((session) => session.imageCache);
  const loadable = (file: string) => urlWithCache(stableUrl(file), imageCache);
  const sized = sizedUrl === failedSizedUrl ? undefined : sizedUrl;
  const candidates = (display: string) => {
    if (sized)
      return offeredWidths(width).map((each) => `${urlInWidth(loadable(sized), each)} ${Math.min(each, width)}w`);
    return thumbnail ? [`${loadable(thumbnail.src)} ${thumbnail.width}w`, `${loadable(display)} ${width}w`] : [];
  };
  return (
    <div
      className={`relative overflow-hidden rounded-image bg-sunken ${className}`}
      style={{ aspectRatio: `${width} / ${height}` }}
    >
      {placeholder && state !== "loaded" && <BlurHashPlaceholder hash={placeholder} className="absolute inset-0" />}
      {src !== undefined && state !== "failed" && (
        <img
          src={loadable(src)}
          {...((sized || thumbnail) && { srcSet: candidates(src).join(", "), sizes })}
          alt={alt}
          width={width}
          height={height}
          loading={eager ? "eager" : "lazy"}
          decoding="async"
          onLoad={({ currentTarget }) => {
            failedSource.current = undefined;
            setState("loaded");
            const [shown = ""] = currentTarget.currentSrc.split("#", 1);
            storeShownImage(imageCache, shown).catch(() => undefined); // it is only missing offline
          }}
          onError={() => {
            if (sized) {
              forgetStableUrl(sized);
              setFailedSizedUrl(sized);
              return;
            }
            forgetStableUrl(src);
            if (thumbnail) forgetStableUrl(thumbnail.src);
            setState("failed");
            if (failedSource.current === undefined) onLoadError?.();
            failedSource.current = src;
          }}
          className={`absolute inset-0 size-full object-cover ${state === "loaded" ? "animate-appear" : "opacity-0"}`}
        />
      )}
      {state === "failed" && (
        <p className="absolute inset-x-0 bottom-0 bg-raised/90 px-2 py-1 text-muted text-xs">Could not load: {alt}</p>
      )}
    </div>
  );
}
