import type { ImageView } from "genai-images-client";
import { Download, Heart, Layers, SlidersHorizontal, Trash2 } from "lucide-react";
import { useState } from "react";
import { useNavigate } from "react-router";
import { useDeleteImage, useFavourite } from "@/api/images";
import { useModels } from "@/api/models";
import { Button, IconButton } from "@/components/Button";
import { draftFromImage } from "@/lib/drafts";
import { UNDO_MILLISECONDS, useDeletions } from "@/state/deletions";
import { type Draft, useDraft } from "@/state/draft";
import { showToast } from "@/state/toasts";
import { downloadImage } from "./download";

const VARIATIONS = 4;

/** The actions for one image. */
export function ImageActions({ image, onDelete }: { image: ImageView; onDelete(): void }) {
  const navigate = useNavigate();
  const models = useModels().data ?? [];
  const replace = useDraft((state) => state.replace);
  const favourite = useFavourite();
  const remove = useUndoableDelete();
  const [downloading, setDownloading] = useState(false);
  const create = (change: Partial<Draft>) => {
    replace({ ...draftFromImage(image, models), ...change });
    void navigate("/create");
  };
  return (
    <div className="grid gap-2">
      <div className="grid grid-cols-2 gap-2">
        <Button variant="primary" onClick={() => create({ seed: null, count: VARIATIONS })}>
          <Layers className="size-4" aria-hidden />
          Create variations
        </Button>
        <Button onClick={() => create({})}>
          <SlidersHorizontal className="size-4" aria-hidden />
          Use settings
        </Button>
      </div>
      <div className="flex items-center gap-1">
        <Button
          className="flex-1"
          disabled={downloading}
          onClick={() => {
            setDownloading(true);
            void downloadImage(image).finally(() => setDownloading(false));
          }}
        >
          <Download className="size-4" aria-hidden />
          {downloading ? "Downloading…" : "Download"}
        </Button>
        <IconButton
          label="Favourite"
          aria-pressed={image.favourite}
          onClick={() => favourite.mutate({ id: image.id, favourite: !image.favourite })}
        >
          <Heart className={`size-5 ${image.favourite ? "fill-accent text-accent" : ""}`} aria-hidden />
        </IconButton>
        <IconButton
          label="Delete"
          className="hover:bg-bad-soft hover:text-bad"
          onClick={() => {
            remove(image);
            onDelete();
          }}
        >
          <Trash2 className="size-5" aria-hidden />
        </IconButton>
      </div>
    </div>
  );
}

/** Hide the image immediately and delete it once the undo period has passed. */
function useUndoableDelete(): (image: ImageView) => void {
  const { schedule, undo } = useDeletions();
  const deletion = useDeleteImage();
  return (image) => {
    const { id } = image;
    schedule(id, () =>
      deletion.mutate(image, {
        onError: () => {
          undo(id);
          showToast("The image could not be deleted. It is back in the gallery.", { tone: "error" });
        },
      }),
    );
    showToast("Image deleted, with its files and share links.", {
      durationMs: UNDO_MILLISECONDS - 500,
      action: { label: "Undo", run: () => undo(id) },
    });
  };
}
