/** Style keywords for prompts, for models without styles, each with a colour swatch. */
export const PROMPT_STYLES: readonly { keywords: string; colours: string }[] = [
  {
    keywords: "watercolor",
    colours:
      "radial-gradient(circle at 30% 35%, #f7b8a8, transparent 60%), radial-gradient(circle at 70% 65%, #8fb8de, transparent 65%), #f4efe6",
  },
  {
    keywords: "oil painting",
    colours: "conic-gradient(from 40deg at 60% 40%, #7a4419, #c98b2d, #2f4858, #9b2915, #7a4419)",
  },
  { keywords: "pencil drawing", colours: "repeating-linear-gradient(115deg, #6a6a6a 0 1px, #efece6 1px 4px)" },
  {
    keywords: "low poly",
    colours: "conic-gradient(from 20deg at 40% 55%, #2c7a5b 0 20%, #5dbb8a 0 45%, #1c4f4a 0 70%, #a3d9a5 0)",
  },
  { keywords: "pixel art", colours: "repeating-conic-gradient(#3d5a98 0 25%, #e0a458 0 50%) 0 0 / 10px 10px" },
  { keywords: "cinematic", colours: "linear-gradient(#0d0d0f 0 18%, #21576b 18%, #d98e4a 82%, #0d0d0f 82%)" },
  { keywords: "cyberpunk, neon", colours: "linear-gradient(135deg, #2b0a4e, #d1178c 55%, #1fd1e0)" },
  {
    keywords: "mosaic",
    colours:
      "repeating-linear-gradient(0deg, #0000 0 6px, #f5f1e8 6px 7px), repeating-linear-gradient(90deg, #2a6f97 0 6px, #f5f1e8 6px 7px, #e9c46a 7px 13px, #f5f1e8 13px 14px)",
  },
];

/** Return a colour swatch for a model's style, derived from its name. */
export function styleColours(style: string): string {
  let hash = 0;
  for (const letter of style) hash = (hash * 31 + letter.charCodeAt(0)) % 360;
  return `linear-gradient(135deg, hsl(${hash} 55% 42%), hsl(${(hash + 50) % 360} 60% 66%))`;
}

/** Return whether a prompt already contains a style's keywords. */
export function hasStyle(prompt: string, keywords: string): boolean {
  return prompt.toLowerCase().includes(keywords.toLowerCase());
}

/** Add a style's keywords to a prompt, or remove them if they are there. */
export function toggleStyle(prompt: string, keywords: string): string {
  if (!hasStyle(prompt, keywords)) {
    const before = prompt.trimEnd().replace(/[,.]$/, "");
    return before === "" ? keywords : `${before}, ${keywords}`;
  }
  const escaped = keywords.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return prompt.replace(new RegExp(`,?\\s*${escaped}`, "i"), "").replace(/^[,\s]+/, "");
}
