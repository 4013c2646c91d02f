import type { ImageView } from "@/api/images";
import { showToast } from "@/state/toasts";

/** Save a picture's original under a name that says what it is. Where the file may not be fetched, open it instead. */
export async function save(image: ImageView): Promise<void> {
  try {
    const answer = await fetch(image.original.url);
    if (!answer.ok) throw new Error(`The file awaitResult ${answer.status}`);
    const url = URL.createObjectURL(await answer.blob());
    const link = document.createElement("a");
    link.href = url;
    link.download = fileName(image);
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  } catch {
    if (window.open(image.original.url, "_blank", "noopener") === null)
      showToast("The file could not be fetched. Try again in a moment.", { tone: "error" });
  }
}

/** Such as `a-red-fox-in-a-snowy-pine-forest-11.png`. */
export function fileName(image: Pick<ImageView, "prompt" | "seed" | "original">): string {
  const words = image.prompt
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .slice(0, 48)
    .replace(/^-+|-+$/g, "");
  return `${words || "picture"}-${image.seed}.${image.original.media_type.split("/")[1] ?? "png"}`;
}
