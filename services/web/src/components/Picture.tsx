import { decode } from "blurhash";
import { useEffect, useRef, useState } from "react";
import { steady, unsteady } from "@/lib/steady";

const RESOLUTION = 32;

/** A BlurHash on a canvas: what a picture's colours are, before it is there. */
export function Blur({ hash, className = "" }: { hash: string; className?: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    try {
      const image = context.createImageData(RESOLUTION, RESOLUTION);
      image.data.set(decode(hash, RESOLUTION, RESOLUTION));
      context.putImageData(image, 0, 0);
    } catch {
      // Not a BlurHash: the frame's own colour will do.
    }
  }, [hash]);
  return (
    <canvas ref={canvas} width={RESOLUTION} height={RESOLUTION} className={`size-full ${className}`} aria-hidden />
  );
}

type PictureProps = {
  src: string | undefined;
  alt: string;
  width: number;
  height: number;
  placeholder?: string | undefined;
  /** A smaller file of the same picture, and how wide it is, for where that is enough. */
  small?: { src: string; width: number; sizes: string } | undefined;
  eager?: boolean;
  className?: string;
  /** Called when the file did not load: its address may have run out. */
  onStale?: () => void;
};

/** A picture that keeps its place, shows its colours first, and develops when it has loaded. */
export function Picture({
  src,
  alt,
  width,
  height,
  placeholder,
  small,
  eager = false,
  className = "",
  onStale,
}: PictureProps) {
  const [state, setState] = useState<"loading" | "loaded" | "failed">("loading");
  const url = src === undefined ? undefined : steady(src);
  return (
    <div
      className={`relative overflow-hidden rounded-frame bg-sunken ${className}`}
      style={{ aspectRatio: `${width} / ${height}` }}
    >
      {placeholder && state !== "loaded" && <Blur hash={placeholder} className="absolute inset-0" />}
      {url && state !== "failed" && (
        <img
          src={url}
          {...(small && { srcSet: `${steady(small.src)} ${small.width}w, ${url} ${width}w`, sizes: small.sizes })}
          alt={alt}
          width={width}
          height={height}
          loading={eager ? "eager" : "lazy"}
          decoding="async"
          onLoad={() => setState("loaded")}
          onError={() => {
            unsteady(url);
            if (small) unsteady(small.src);
            setState("failed");
            onStale?.();
          }}
          className={`absolute inset-0 size-full object-cover ${state === "loaded" ? "animate-develop" : "opacity-0"}`}
        />
      )}
      {state === "failed" && (
        <p className="absolute inset-x-0 bottom-0 bg-raised/90 px-2 py-1 text-muted text-xs">Not loaded: {alt}</p>
      )}
    </div>
  );
}
