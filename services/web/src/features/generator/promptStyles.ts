/** PromptStyles that a prompt can name, for models without styles of their own, each with its colours. */
export const PROMPT_STYLES: readonly { words: string; colours: string }[] = [
  {
    words: "watercolor",
    colours:
      "radial-gradient(circle at 30% 35%, #f7b8a8, transparent 60%), radial-gradient(circle at 70% 65%, #8fb8de, transparent 65%), #f4efe6",
  },
  {
    words: "oil painting",
    colours: "conic-gradient(from 40deg at 60% 40%, #7a4419, #c98b2d, #2f4858, #9b2915, #7a4419)",
  },
  { words: "pencil drawing", colours: "repeating-linear-gradient(115deg, #6a6a6a 0 1px, #efece6 1px 4px)" },
  {
    words: "low poly",
    colours: "conic-gradient(from 20deg at 40% 55%, #2c7a5b 0 20%, #5dbb8a 0 45%, #1c4f4a 0 70%, #a3d9a5 0)",
  },
  { words: "pixel art", colours: "repeating-conic-gradient(#3d5a98 0 25%, #e0a458 0 50%) 0 0 / 10px 10px" },
  { words: "cinematic", colours: "linear-gradient(#0d0d0f 0 18%, #21576b 18%, #d98e4a 82%, #0d0d0f 82%)" },
  { words: "cyberpunk, neon", colours: "linear-gradient(135deg, #2b0a4e, #d1178c 55%, #1fd1e0)" },
  {
    words: "mosaic",
    colours:
      "repeating-linear-gradient(0deg, #0000 0 6px, #f5f1e8 6px 7px), repeating-linear-gradient(90deg, #2a6f97 0 6px, #f5f1e8 6px 7px, #e9c46a 7px 13px, #f5f1e8 13px 14px)",
  },
];

/** Colours for a style that only its name is known of: always the same for the same name. */
export function styleColours(style: string): string {
  let hash = 0;
  for (const letter of style) hash = (hash * 31 + letter.charCodeAt(0)) % 360;
  return `linear-gradient(135deg, hsl(${hash} 55% 42%), hsl(${(hash + 50) % 360} 60% 66%))`;
}

/** Whether a prompt names a technique already. */
export function names(prompt: string, words: string): boolean {
  return prompt.toLowerCase().includes(words.toLowerCase());
}

/** Add a technique to a prompt, or take it out again. */
export function toggleStyle(prompt: string, words: string): string {
  if (!names(prompt, words)) {
    const before = prompt.trimEnd().replace(/[,.]$/, "");
    return before === "" ? words : `${before}, ${words}`;
  }
  const escaped = words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return prompt.replace(new RegExp(`,?\\s*${escaped}`, "i"), "").replace(/^[,\s]+/, "");
}
