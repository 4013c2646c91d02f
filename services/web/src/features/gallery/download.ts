import type { ImageView } from "genai-images-client";
import { showToast } from "@/state/toasts";

/** Download the original under a descriptive name. If it cannot be fetched, open it in a new tab. */
export async function downloadImage(image: ImageView): Promise<void> {
  try {
    // A page cannot delete from the browser's own cache.
    const response = await fetch(image.original.url, { cache: "no-store" });
    if (!response.ok) throw new Error(`The file responded with status ${response.status}`);
    const url = URL.createObjectURL(await response.blob());
    const link = document.createElement("a");
    link.href = url;
    link.download = fileName(image);
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  } catch {
    if (window.open(image.original.url, "_blank", "noopener") === null)
      showToast("The download failed. Try again in a moment.", { tone: "error" });
  }
}

const NAME_MAX = 48;

/** Such as `a-red-fox-in-a-snowy-pine-forest-11.png`. Letters of every script keep their marks, such as vowel signs. */
export function fileName(image: Pick<ImageView, "prompt" | "seed" | "original">): string {
  const words = image.prompt
    .normalize("NFC")
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, "-");
  const name = firstCharacters(words, NAME_MAX).replace(/^-+|-+$/g, "");
  return `${name || "image"}-${image.seed}.${image.original.media_type.split("/")[1] ?? "png"}`;
}

/** Cut between characters as people see them: a letter keeps its marks, an emoji stays whole. */
function firstCharacters(text: string, count: number): string {
  const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text);
  let found = "";
  for (const { segment, index } of segments) {
    if (index + segment.length > count) break;
    found += segment;
  }
  return found;
}
