import type { ImageView } from "genai-images-client";
import type { ReactNode } from "react";
import { useModels } from "@/api/models";
import { bytes, dateTime, usd } from "@/lib/format";
import { humanize } from "@/lib/labels";

/** Shows the settings that generated an image, and its file. */
export function ImageMetadata({ image }: { image: ImageView }) {
  const model = useModels().data?.find(({ key }) => key === image.model);
  const rows: [string, ReactNode][] = [
    ["Negative prompt", image.negative_prompt],
    ["Model", model?.name ?? image.model],
    ["Seed", image.seed],
    ["Size", `${image.width} × ${image.height}`],
    ["Style", image.style && humanize(image.style)],
    ["Quality", image.quality === "premium" && "Premium"],
    ["Steps", image.steps],
    ["Guidance", image.guidance],
    ["Cost", usd(image.cost_usd)],
    ["Stored", dateTime(image.created_at)],
    ["File", `${image.original.media_type.replace("image/", "").toUpperCase()}, ${bytes(image.original.bytes)}`],
    [
      "SHA-256",
      <abbr key="hash" className="no-underline" title={image.original.sha256}>
        {image.original.sha256.slice(0, 16)}…
      </abbr>,
    ],
  ];
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-6 border-line border-t text-sm">
      {rows
        .filter(([, value]) => value !== undefined && value !== null && value !== false && value !== "")
        .map(([name, value]) => (
          <div key={name} className="col-span-2 grid grid-cols-subgrid border-line border-b py-1.5">
            <dt className="text-muted">{name}</dt>
            <dd className="margin-note self-center break-words text-right text-ink">{value}</dd>
          </div>
        ))}
    </dl>
  );
}
